// Other programs on the same tables: what they spawn, emit, cancel, finish and read works with Chiron's runs, and Chiron's with theirs.
import { expect, test, vi } from "vitest";
import type { TaskId } from "../../src/core/ids.ts";
import { Given, json, LEASE_MS, onEvent, onTask, onTime, QUEUE } from "./given.ts";
import { useLab } from "./postgres-lab.ts";

const lab = useLab();
const FAILURE = { name: "$lease_expired", message: "gone" };

/** A neighbour's session: its time is the store's. */
async function neighbour<Row extends object>(given: Given, sql: string, values: unknown[] = []): Promise<Row[]> {
  const now = `${new Date(given.clock.now()).toISOString().replace("Z", "999Z")}`;
  const url = (await lab.database()).connectionString;
  const { default: pg } = await import("pg");
  const client = new pg.Client(url);
  await client.connect();
  try {
    await client.query("select set_config('absurd.fake_now', $1, false)", [now]);
    return (await client.query<Row>(sql, values)).rows;
  } finally {
    await client.end();
  }
}

const withGiven = async (body: (given: Given) => Promise<void>): Promise<void> => {
  const { store, clock } = await lab.open();
  try {
    await body(new Given(store, clock));
  } finally {
    await store.admin.close();
  }
};

const sweep = (given: Given) =>
  given.store.claims.expire({ scope: "lapsed", owner: "x", failure: FAILURE, limit: 100 });

const SPAWN = `select task_id from absurd.spawn_task('${QUEUE}', 'centaur.workflow', $1, '{"max_attempts": 2, "idempotency_key": "theirs"}')`;

test("a task another program spawned is Chiron's to run and to list", () =>
  withGiven(async (given) => {
    const params = JSON.stringify({ workflow_name: "greet", input: { name: "Ada" }, harness_type: "codex" });
    const [made] = await neighbour<{ task_id: TaskId }>(given, SPAWN, [params]);
    given.clock.move(1);
    await sweep(given);
    expect((await given.found(made!.task_id)).task).toMatchObject({
      workflowName: "greet",
      state: "pending",
      harnessType: "codex",
    });
    const run = await given.claimOne();
    expect(run).toMatchObject({ taskId: made!.task_id, input: '{"name":"Ada"}', maxAttempts: 2 });
    await given.complete(run);
    expect(await given.task({ idempotencyKey: "theirs" })).toMatchObject({ created: false, taskId: made!.task_id });
  }));

test("a task of another name is put back for its own workers", () =>
  withGiven(async (given) => {
    await neighbour(given, `select absurd.spawn_task('${QUEUE}', 'send-mail', '{}')`);
    given.clock.move(1);
    expect(await given.claim()).toEqual([]);
    const [row] = await lab.query(`select state, attempt from absurd.r_${QUEUE}`);
    expect(row).toEqual({ state: "sleeping", attempt: 1 });
  }));

test("existing SQL finds names, inputs and results where it looks for them", () =>
  withGiven(async (given) => {
    const run = await given.running({ input: json({ team: "a" }) });
    await given.step(run, "fetch", json({ rows: 3 }));
    await given.complete(run, json({ sent: true }));
    const rows = await lab.query(
      `select t.params ->> 'workflow_name' as name, t.params -> 'input' ->> 'team' as team, t.state, t.task_name,
         t.completed_payload as payload, c.state -> 'rows' as rows, r.claimed_by like 'owner-1:%' as ours
       from absurd.t_${QUEUE} t join absurd.r_${QUEUE} r on r.run_id = t.last_attempt_run
       join absurd.c_${QUEUE} c on c.task_id = t.task_id and c.checkpoint_name = 'fetch'`,
    );
    const { runId, taskId } = run;
    const payload = {
      workflow_name: "greet",
      run_id: runId,
      task_id: taskId,
      steps: ["python_host"],
      output: { sent: true },
    };
    expect(rows).toEqual([
      { name: "greet", team: "a", state: "completed", task_name: "centaur.workflow", payload, rows: 3, ours: true },
    ]);
  }));

test("an event another program emits wakes a run, also when it waits for several things", () =>
  withGiven(async (given) => {
    const one = await given.running();
    await given.asleep(one, onEvent("a"));
    const two = await given.running();
    await given.asleep(two, onTime(60_000), onEvent("b"), onEvent("c"));
    given.clock.move(5);
    await neighbour(given, `select absurd.emit_event('${QUEUE}', 'a', '{"from": "them"}')`);
    await neighbour(given, `select absurd.emit_event('${QUEUE}', 'c', '7')`);
    given.clock.move(5);
    await sweep(given);
    const woken = await given.claim();
    expect(woken.map(({ runId, recorded }) => [runId, recorded])).toEqual([
      [one.runId, [{ name: "event:a", kind: "event", value: '{"from":"them"}' }]],
      [two.runId, [{ name: "event:c", kind: "event", value: "7" }]],
    ]);
    expect(await given.store.events.get("a")).toMatchObject({ payload: '{"from":"them"}' });
  }));

test("an event Chiron emits reaches a task another program has waiting", () =>
  withGiven(async (given) => {
    await neighbour(given, "select absurd.spawn_task('centaur_workflows_etl', 'theirs', '{}')");
    const [claimed] = await neighbour<{ run_id: string; task_id: string }>(
      given,
      "select run_id, task_id from absurd.claim_task('centaur_workflows_etl', 'w', 60, 1)",
    );
    const { run_id, task_id } = claimed!;
    await neighbour(given, "select absurd.await_event('centaur_workflows_etl', $1, $2, 'step', 'hello', null)", [
      task_id,
      run_id,
    ]);
    given.clock.move(1);
    await given.emit("hello", json({ n: 1 }));
    const rows = await lab.query("select state, event_payload from absurd.r_centaur_workflows_etl");
    expect(rows).toEqual([{ state: "pending", event_payload: { n: 1 } }]);
  }));

test("a run another program cancelled is told so, and whoever awaits its task wakes", () =>
  withGiven(async (given) => {
    const child = await given.running();
    const parent = await given.running();
    await given.asleep(parent, onTask(child.taskId));
    await neighbour(given, `select absurd.cancel_task('${QUEUE}', $1)`, [child.taskId]);
    given.clock.move(1);
    expect(await given.step(child, "late")).toEqual({ ok: false, reason: "cancelled" });
    expect((await given.found(child.taskId)).task.state).toBe("cancelled");
    await sweep(given);
    const woken = await given.claimOne();
    expect(woken.runId).toBe(parent.runId);
    expect(JSON.parse(woken.recorded[0]!.value)).toMatchObject({ status: "cancelled" });
    expect(await given.store.reads.activeOf("greet", 10)).toEqual([parent.taskId]);
  }));

test("a retry another program gives and tables it empties are followed", () =>
  withGiven(async (given) => {
    const failed = await given.runIn("failed");
    await neighbour(given, `select absurd.retry_task('${QUEUE}', $1, '{}')`, [failed.taskId]);
    given.clock.move(1);
    await sweep(given);
    expect((await given.found(failed.taskId)).task).toMatchObject({ state: "pending", attempts: 2 });
    const again = await given.claimOne();
    expect(again.attempt).toBe(2);
    for (const prefix of "trcew") await lab.query(`truncate absurd.${prefix}_${QUEUE}`);
    expect(await given.step(again, "gone")).toEqual({ ok: false, reason: "not_found" });
    await sweep(given);
    expect(await given.store.reads.activeNames()).toEqual([]);
  }));

test("on a machine that is slow the second look of a store on a clock of its own is made, too", () =>
  withGiven(async (given) => {
    let passed = 0;
    const slow = vi.spyOn(performance, "now").mockImplementation(() => (passed += 1_000));
    try {
      const run = await given.running();
      await sweep(given);
      for (const prefix of "trcew") await lab.query(`truncate absurd.${prefix}_${QUEUE}`);
      await sweep(given);
      expect(await given.step(run, "gone")).toEqual({ ok: false, reason: "not_found" });
      expect(await given.store.reads.activeNames()).toEqual([]);
    } finally {
      slow.mockRestore();
    }
  }));

test("a run under a lease that passed is ended by another program's claim, and goes on here", () =>
  withGiven(async (given) => {
    const run = await given.running({ maxAttempts: 2 });
    await given.step(run, "a");
    given.clock.move(LEASE_MS + 1);
    const rows = await neighbour<{ run_id: string }>(
      given,
      `select run_id from absurd.claim_task('${QUEUE}', 'them', 60, 1)`,
    );
    expect(rows.length).toBeLessThanOrEqual(1);
    expect(await given.step(run, "b")).toEqual({ ok: false, reason: "lease_lost" });
    expect((await given.found(run.runId)).run.failure).toMatchObject({ name: "$ClaimTimeout" });
  }));
