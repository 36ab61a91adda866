// What meets in pairs: the transitions of a run and those around it, the states they meet in, and what can be seen of it afterwards
// without ids and times, so that two courses of events can be compared.
import type { ClaimedRun, WaitRequest } from "../../src/ports/store-types.ts";
import type { TaskId } from "../../src/core/ids.ts";
import { BROKEN, Given, json, LEASE_MS, newTask, onEvent, onTask, onTime, OWNER, QUEUE } from "../contract/given.ts";
import type { World } from "./pair-world.ts";

/** A task in one of the states below, the child it awaits, and the event. */
export interface Scene {
  readonly task: TaskId;
  readonly subject: ClaimedRun;
  readonly child: ClaimedRun;
  readonly event: string;
}

const WAIT_MS = 5_000;
const LAPSED = {
  scope: "lapsed",
  owner: OWNER,
  failure: { name: "$ClaimTimeout", message: "gone" },
  limit: 10,
} as const;

/** `from`: how it began; `name` tells the two hands of a pair apart. */
export type Operation = (given: Given, scene: Scene, name: string) => Promise<unknown>;

const waitsOf = ({ event, child }: Scene): WaitRequest[] => [
  onEvent(event, WAIT_MS, "event"),
  onTask(child.taskId, null, "child"),
];

export const OPERATIONS = {
  claim: (given, _, name) => given.claim({ owner: name }),
  checkpoint: (given, { subject }, name) => given.step(subject, "step", json(name)),
  complete: (given, { subject }, name) => given.complete(subject, json(name)),
  fail: (given, { subject }) => given.fail(subject, 0, BROKEN),
  release: async (given, { subject }) => (await given.store.claims.release([subject]))[0],
  extend: async (given, { subject }) => (await given.store.claims.extend([{ ...subject, leaseMs: LEASE_MS }]))[0],
  suspend: (given, { subject }) => given.suspend(subject, onTime(WAIT_MS, "nap")),
  "await of an event": (given, scene) => given.suspend(scene.subject, waitsOf(scene)[0]!),
  "await of a child": (given, scene) => given.suspend(scene.subject, waitsOf(scene)[1]!),
  emit: (given, { event }, name) => given.emit(event, json(name)),
  "child's end": (given, { child }, name) => given.complete(child, json(name)),
  expire: (given) => given.store.claims.expire(LAPSED),
  cancel: (given, { task }) => given.cancel(task),
  retry: (given, { task }) => given.retry(task),
} satisfies Record<string, Operation>;

export type OperationName = keyof typeof OPERATIONS;

/** These pass over what another transaction holds: they may do nothing where one after the other they would. */
export const PASSES_BY: ReadonlySet<OperationName> = new Set(["claim", "expire"]);

const CLAIM_SIDE = ["checkpoint", "complete", "fail", "release", "suspend"] as const;
const AWAITS = ["await of an event", "await of a child"] as const;
const ENDS_OF_WAITS = ["emit", "child's end"] as const;

/** Which operations mean something in a state, if only to be refused; the pairs of a state are pairs of these. */
export const BEGINNINGS = {
  pending: ["claim", "expire", "cancel", "checkpoint"],
  fresh: ["cancel", "checkpoint", "complete", "suspend", ...AWAITS, ...ENDS_OF_WAITS],
  running: ["cancel", ...CLAIM_SIDE, ...AWAITS, ...ENDS_OF_WAITS],
  lapsed: ["claim", "expire", "cancel", "checkpoint", "complete", "extend", "await of an event"],
  waiting: ["claim", "expire", "cancel", "checkpoint", ...ENDS_OF_WAITS],
  overdue: ["claim", "expire", "cancel", ...ENDS_OF_WAITS],
  failed: ["claim", "expire", "cancel", "retry"],
} satisfies Record<string, readonly OperationName[]>;

export type Beginning = keyof typeof BEGINNINGS;
export const BEGINNING_NAMES = Object.keys(BEGINNINGS) as Beginning[];

let scenes = 0;

/** Made by the first hand, and committed. */
export async function stage(world: World, beginning: Beginning): Promise<Scene> {
  const given = new Given(world.first.store, world.clock);
  world.clock.move(1);
  const event = `event-${(scenes += 1)}`;
  const start = `start-${scenes}`;
  const childOnly = beginning === "pending";
  const tasks = [newTask({ workflowName: "child" }), newTask({ maxAttempts: beginning === "failed" ? 1 : 3 })];
  const made = await given.store.tasks.enqueue(childOnly ? tasks.slice(0, 1) : tasks);
  const claimed = await given.claim({ limit: 2 });
  const child = claimed.find(({ taskId }) => taskId === made[0]!.taskId)!;
  const scene = (subject: ClaimedRun): Scene => ({ task: subject.taskId, subject, child, event });
  // Nobody holds it: its writers bear a token of another claim.
  if (childOnly) return scene({ ...child, ...(await given.task()) });
  const begun = scene(claimed.find((run) => run !== child)!);
  if (beginning === "failed") await given.fail(begun.subject);
  if (beginning === "lapsed") {
    await given.store.claims.extend([{ ...begun.subject, leaseMs: 1_000 }]);
    world.clock.move(1_000);
  }
  // Somebody has waited for this event before.
  if (beginning === "fresh")
    await world.observer.query(`insert into absurd.e_${QUEUE} values ($1, null, 'epoch')`, [event]);
  if (["failed", "lapsed", "fresh"].includes(beginning)) return begun;
  const more = beginning === "running" ? [onEvent(start, null, "start")] : [];
  await given.asleep(begun.subject, ...waitsOf(begun), ...more);
  if (beginning === "overdue") world.clock.move(WAIT_MS);
  if (beginning !== "running") return begun;
  // Runs, and its other waits are still on record.
  await given.emit(start, json("start"));
  return scene(await given.claimOne());
}

const OPEN = `select task_id, state from absurd.t_${QUEUE} where state in ('pending', 'running', 'sleeping')`;

/** Lets time pass and does the rest of the work; answers the states of tasks that are not over then. */
export async function finish(world: World, scene: Scene): Promise<string[]> {
  const given = new Given(world.first.store, world.clock);
  await given.cancel(scene.child.taskId);
  for (let round = 0; ; round += 1) {
    const { rows } = await world.observer.query<{ task_id: TaskId; state: string }>(OPEN);
    if (rows.length === 0) return [];
    if (round === 2) {
      // So that what is wrong here is not wrong in the next scene.
      await given.store.tasks.cancel(rows.map((row) => row.task_id));
      return rows.map(({ state }) => state);
    }
    world.clock.move(LEASE_MS);
    const runs = await given.claim();
    await given.store.progress.complete(runs.map((run) => ({ ...run, output: json("end") })));
  }
}

const SEEN = `
  select json_build_object(
    'state', t.state, 'ended', k.ended, 'attempts', t.attempts, 'recorded', k.recorded,
    'runs', (select json_agg(json_build_array(r.attempt, r.state, r.claim_expires_at is not null, r.wake_event is not null,
               case when r.state in ('pending', 'sleeping') then r.available_at <= $2::timestamptz end) order by r.attempt)
             from absurd.r_${QUEUE} r where r.task_id = t.task_id),
    'checkpoints', (select json_agg(json_build_array(c.name, c.kind, c.attempt, coalesce(c.value, a.state::text)) order by c.name)
             from chiron.checkpoints c left join absurd.c_${QUEUE} a
             on a.task_id = c.task_id and a.checkpoint_name = chiron.stored_name(c.name, c.kind) where c.task_id = t.task_id),
    'stored', (select count(*) from absurd.c_${QUEUE} c where c.task_id = t.task_id),
    'waits', (select json_agg(w.step order by w.step) from chiron.waits w where w.task_id = t.task_id),
    'theirs', (select json_agg(w.step_name order by w.step_name) from absurd.w_${QUEUE} w where w.task_id = t.task_id),
    'output', t.completed_payload -> 'output', 'child', (select state from absurd.t_${QUEUE} where task_id = $3),
    'event', (select payload from chiron.events where name = $4)) as seen
  from absurd.t_${QUEUE} t join chiron.tasks k using (task_id) where t.task_id = $1`;

/** All that can be seen of the scene, without ids and times. */
export async function look(world: World, { task, child, event }: Scene): Promise<string> {
  const now = new Date(world.clock.now() + 1).toISOString();
  const { rows } = await world.observer.query<{ seen: unknown }>(SEEN, [task, now, child.taskId, event]);
  return plain(rows[0]?.seen, { task, child } as Scene);
}

const UNSTEADY = new Set(["claimToken", "leaseUntil", "wakeAt", "nextAt", "dueAt", "nextAttemptAt"]);
const ID = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g;

/** A value as text, without what differs from one time to the next. */
export function plain(value: unknown, { task, child }: Pick<Scene, "task" | "child">): string {
  const text = JSON.stringify(value, (key, inner: unknown) => (UNSTEADY.has(key) ? undefined : inner)) ?? "nothing";
  return text.replace(ID, (id) => (id === task ? "task" : id === child.taskId ? "child" : "run"));
}
