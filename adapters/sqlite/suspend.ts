// Going to sleep on waits. A wait that is over already is answered at once, so that no event between the handler's question and its
// sleep is lost; every wait is on record before the run's claim is gone, and keeps its first deadline.
import { ChironError } from "../../src/core/errors.ts";
import type { RunId, TaskId } from "../../src/core/ids.ts";
import type { JsonText } from "../../src/core/json-text.ts";
import type {
  CheckpointKind,
  Recorded,
  Refused,
  SuspendRequest,
  Suspended,
  WaitRequest,
} from "../../src/ports/store-types.ts";
import { packText, packTextOrNull } from "./codec.ts";
import type { Endings } from "./endings.ts";
import { createRefusal, FENCE } from "./fence.ts";
import { prepareQuery } from "./query.ts";
import type { Recorder } from "./recorder.ts";
import type { Session } from "./session.ts";
import { deadlineResult, type Waiting } from "./waiting.ts";

const HELD = `SELECT task_id FROM runs WHERE ${FENCE}`;
const FIRST_DEADLINE = "SELECT deadline_at FROM waits WHERE task_id = ? AND step = ?";
const NOTE = `INSERT INTO waits (task_id, step, kind, target, deadline_at, created_at) VALUES (?, ?, ?, ?, ?, ?)
  ON CONFLICT (task_id, step) DO UPDATE SET kind = excluded.kind, target = excluded.target`;
const SLEEP = `UPDATE runs SET state = 'sleeping', claim_token = NULL, lease_until = NULL, available_at = ?, updated_at = ?
  WHERE run_id = ?`;
const EVENT = "SELECT payload FROM events WHERE name = ?";

interface Parts {
  readonly recorder: Recorder;
  readonly waiting: Waiting;
  readonly endings: Endings;
}

/** Either the result of a wait that is over, or the deadline of one that is not. */
type Look =
  | { readonly over: true; readonly recorded: Recorded }
  | { readonly over: false; readonly deadlineAt: number | null };

export function createSuspend(session: Session, parts: Parts): (request: SuspendRequest) => Suspended | Refused {
  const { db, clock } = session;
  const refuse = createRefusal(db);
  const held = prepareQuery<unknown[], { task_id: TaskId }>(db, HELD);
  const sleep = db.prepare<[number | null, number, RunId]>(SLEEP);
  const look = createLook(session, parts);
  return (request) => {
    if (request.waits.length === 0) {
      throw new ChironError("bad_request", `run ${request.runId} wants to sleep and names nothing to wait for`);
    }
    const now = clock.now();
    const run = held.get(request.runId, request.claimToken, now);
    if (!run) return refuse(request);
    const resolved: Recorded[] = [];
    let wakeAt: number | null = null;
    for (const wait of request.waits) {
      const seen = look(run.task_id, wait, now);
      if (seen.over) resolved.push(seen.recorded);
      else if (seen.deadlineAt !== null) wakeAt = Math.min(wakeAt ?? Infinity, seen.deadlineAt);
    }
    if (resolved.length > 0) return { ok: true, suspended: false, resolved };
    sleep.run(wakeAt, now, request.runId);
    return { ok: true, suspended: true, wakeAt };
  };
}

function createLook({ db }: Session, parts: Parts): (taskId: TaskId, wait: WaitRequest, now: number) => Look {
  const { recorder, waiting } = parts;
  const firstDeadline = prepareQuery<[string, string], { deadline_at: number | null }>(db, FIRST_DEADLINE);
  const note = db.prepare(NOTE);
  const result = createResult(db, parts.endings);
  return (taskId, wait, now) => {
    const step = packText(wait.step);
    const earlier = recorder.find(taskId, step);
    if (earlier) return { over: true, recorded: earlier };
    const noted = firstDeadline.get(taskId, step);
    const deadlineAt = noted ? noted.deadline_at : askedDeadline(wait, now);
    const ended = result(wait, deadlineAt, now);
    if (ended) {
      waiting.end(taskId, step, ended.kind, ended.value, now);
      const { kind, value } = ended;
      return { over: true, recorded: { name: wait.step, kind, value: value as JsonText } };
    }
    note.run(taskId, step, wait.kind, packTextOrNull(wait.target), deadlineAt, now);
    return { over: false, deadlineAt };
  };
}

/** How a wait has ended already; null while it has not. What happened counts before what ran out. */
function createResult(
  db: Session["db"],
  endings: Endings,
): (
  wait: WaitRequest,
  deadlineAt: number | null,
  now: number,
) => { readonly kind: CheckpointKind; readonly value: string } | null {
  const event = prepareQuery<[string], { payload: string }>(db, EVENT);
  return ({ kind, target }, deadlineAt, now) => {
    if (kind !== "sleep" && target !== null) {
      const value = kind === "event" ? event.get(packText(target))?.payload : endings.outcome(target);
      if (typeof value === "string") return { kind, value };
    }
    return deadlineAt !== null && deadlineAt <= now ? deadlineResult(kind, deadlineAt) : null;
  };
}

/** The latest time a Date can hold: a deadline beyond it is as good as none. */
const END_OF_TIME_MS = 8.64e15;

/** Rounded up, because a sleep is never early. */
function askedDeadline({ delayMs, untilMs }: WaitRequest, now: number): number | null {
  if (untilMs === undefined && delayMs === null) return null;
  return Math.min(END_OF_TIME_MS, Math.ceil(untilMs ?? now + delayMs!));
}
