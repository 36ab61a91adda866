// Changes of schedules for the lock-step test: made from any version, so that most are refused, by both stores alike.
import type { Accounted, NewOccurrence, Occurrence, ScheduleChanged } from "../../src/ports/store-schedules.ts";
import { newTask } from "./given.ts";
import type { Side } from "./lock-step-pair.ts";
import { declaration, DEFINITION } from "./schedules.ts";

export const SCHEDULE_IDS = ["s1", "s2"] as const;
export const SCHEDULE_ACTS = ["declare", "pause", "fire", "skip", "hold", "settle", "drop"] as const;

export interface ScheduleOperation {
  readonly id: (typeof SCHEDULE_IDS)[number];
  readonly act: (typeof SCHEDULE_ACTS)[number];
  readonly version: number;
}

export async function changeSchedule(
  side: Side,
  operation: ScheduleOperation,
): Promise<(ScheduleChanged | Accounted)[]> {
  const { id, act, version } = operation;
  const { store, clock } = side.given;
  const now = clock.now();
  if (act === "declare" || act === "pause") {
    const definition = { ...DEFINITION, scheduleId: id, overlap: "queue" } as const;
    const pausedAt = act === "pause" ? now : null;
    return store.schedules.declare([
      declaration(now, { scheduleId: id, version, definition, pausedAt, revision: version + 1 }),
    ]);
  }
  const next = { accountedTo: now, nextAt: now + 500, dueAt: now + 500 };
  const answers = await store.schedules.account([
    { scheduleId: id, version, ...next, records: [recordOf(id, act, now)] },
  ]);
  for (const answer of answers) if (answer.ok) side.tasks.push(...answer.started.map(({ taskId }) => taskId));
  return answers;
}

function recordOf(id: string, act: ScheduleOperation["act"], at: number): NewOccurrence {
  const none = {
    at,
    to: at,
    count: 1,
    source: "schedule",
    reason: null,
    fireKey: null,
    task: null,
    tracked: false,
  } as const;
  const key = act === "fire" ? `schedule:${id}:${at}` : `schedule:${id}:held`;
  if (act === "skip") return { ...none, outcome: "skipped", reason: "overlap" };
  if (act === "hold") return { ...none, outcome: "held", fireKey: key };
  if (act === "drop") return { ...none, outcome: "skipped", reason: "removed", fireKey: key };
  const task = newTask({ workflowName: "a", idempotencyKey: key, cause: { kind: "schedule", ref: key } });
  return { ...none, outcome: "fired", fireKey: key, task, tracked: true };
}

/** All that can be seen of them; the numbers of records go their own ways. */
export async function shownSchedules({ given }: Side): Promise<unknown> {
  const { schedules } = given.store;
  const unnumbered = (record: Occurrence): Occurrence => ({ ...record, seq: 0 });
  const { schedules: rows } = await schedules.list();
  const { schedules: due, nextDueAt } = await schedules.due(10);
  return {
    rows: rows.map((row) => ({ ...row, last: row.last && unnumbered(row.last) })),
    due: due.map(({ scheduleId }) => scheduleId).toSorted((a, b) => (a < b ? -1 : 1)),
    nextDueAt,
    records: await Promise.all(
      SCHEDULE_IDS.map(async (scheduleId) =>
        (await schedules.occurrences({ scheduleId, ascending: true, limit: 100 })).map(unnumbered),
      ),
    ),
  };
}
