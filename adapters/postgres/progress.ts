// What a claimed run writes, each write behind the fence: checkpoints, waits, the end of an attempt, which code runs it.
import { ChironError } from "../../src/core/errors.ts";
import type { RunId } from "../../src/core/ids.ts";
import type { State } from "../../src/core/states.ts";
import type { ProgressTransitions } from "../../src/ports/store.ts";
import type {
  Accepted,
  CheckpointKept,
  CheckpointKind,
  CheckpointWrite,
  CompleteRequest,
  Failed,
  FailRequest,
  Stamp,
  Suspended,
  SuspendRequest,
  WaitRequest,
} from "../../src/ports/store-types.ts";
import { accepted } from "./claims.ts";
import { packFailure, packText, packTextOrNull, packValue, recordedOf, type RecordedRow } from "./codec.ts";
import type { Listener } from "./listener.ts";
import { createRunMethod, packRef, refusalOf, type RefusableRow, type RunMethod, type Session } from "./session.ts";

const checkpointIn = (number: number): string => `select * from chiron.checkpoint_${number}($1::json)`;
const suspendIn = (number: number): string => `select * from chiron.suspend_${number}($1::json, $2)`;
const completeIn = (number: number): string => `select * from chiron.complete_${number}($1::json, $2)`;
const failIn = (number: number): string => `select * from chiron.fail_${number}($1::json, $2)`;
const stampIn = (number: number): string => `select n from chiron.stamp_${number}($1::json)`;

interface CheckpointRow extends RefusableRow {
  readonly kept_name: string | null;
  readonly kept_kind: CheckpointKind;
  readonly kept_value: string | null;
  readonly kept_stored: string | null;
}

interface SuspendedRow extends RefusableRow {
  readonly resolved: readonly RecordedRow[] | null;
  readonly wake_at: number | null;
}

interface FailedRow extends RefusableRow {
  readonly task_state: State;
  readonly next_run: RunId | null;
  readonly next_at: number | null;
}

interface CompletedRow extends RefusableRow {
  readonly woke: boolean | null;
}

export function createProgress(session: Session, listener: Listener): ProgressTransitions {
  const checkpoint = createCheckpoint(session);
  const suspend = createSuspend(session);
  const fail = createFail(session);
  const complete = createRunMethod<CompleteRequest, CompletedRow, Accepted>(session, (number) => ({
    sql: completeIn(number),
    resend: true,
    values: (members, again) => [members, again],
    pack: (request) => ({ ...packRef(request), ...packValue(request.output) }),
    answer: ([row]) => {
      if (row!.woke !== false) listener.tell();
      return accepted(row!);
    },
  }));
  const stamp = createRunMethod<Stamp, { n: number }, Accepted>(session, (number) => ({
    sql: stampIn(number),
    resend: true,
    values: (members) => [members],
    pack: (ref) => ({ ...packRef(ref), generation: packText(ref.generation), pin: ref.pin ?? false }),
    answer: () => ({ ok: true }),
  }));
  return {
    checkpoint: (writes) => checkpoint(writes),
    suspend: async (requests) => {
      for (const { runId, waits } of requests) {
        if (waits.length > 0) continue;
        throw new ChironError("bad_request", `run ${runId} wants to sleep and names nothing to wait for`);
      }
      return suspend(requests);
    },
    complete: (requests) => complete(requests),
    fail: (requests) => fail(requests),
    stamp: async (refs) => void (await stamp(refs)),
  };
}

function createCheckpoint(session: Session): RunMethod<CheckpointWrite, CheckpointKept> {
  return createRunMethod<CheckpointWrite, CheckpointRow, CheckpointKept>(session, (number) => ({
    sql: checkpointIn(number),
    resend: true,
    values: (members) => [members],
    pack: (write) => ({
      ...packRef(write),
      ...packValue(write.value),
      name: packText(write.name),
      duration: write.durationMs,
      position: packTextOrNull(write.position),
      lease: write.leaseMs,
    }),
    answer: ([row], write, again) => refusalOf(row!) ?? keptOf(row!, write, again),
  }));
}

/** Of a write that was sent twice the first sending's own value is no earlier one. */
function keptOf(row: CheckpointRow, write: CheckpointWrite, again: boolean): CheckpointKept {
  if (row.kept_name === null) return { ok: true };
  const kept = recordedOf([row.kept_name, row.kept_kind, row.kept_value, row.kept_stored]);
  if (again && kept.kind === "step" && kept.value === packValue(write.value).value) return { ok: true };
  return { ok: true, kept };
}

function createSuspend(session: Session): RunMethod<SuspendRequest, Suspended> {
  return createRunMethod<SuspendRequest, SuspendedRow, Suspended>(
    session,
    (number) => ({
      sql: suspendIn(number),
      resend: true,
      values: (members, again) => [members, again],
      pack: (request) => ({ ...packRef(request), waits: request.waits.map(packWait) }),
      answer: ([row]) => {
        const { resolved, wake_at: wakeAt } = row!;
        const refusal = refusalOf(row!);
        if (refusal) return refusal;
        if (resolved === null) return { ok: true, suspended: true, wakeAt };
        return { ok: true, suspended: false, resolved: resolved.map(recordedOf) };
      },
    }),
    ({ waits }) => waits.flatMap(({ kind, target }) => (kind === "event" && target !== null ? [eventKey(target)] : [])),
  );
}

/** Calls about one event keep their order. */
export function eventKey(name: string): string {
  return `event:${name}`;
}

/** The latest time a Date can hold: a deadline beyond it is as good as none. */
const END_OF_TIME_MS = 8.64e15;

/** Times are rounded up, because a sleep is never early. */
function packWait({ step, kind, target, delayMs, untilMs }: WaitRequest): object {
  const until = untilMs === undefined ? null : Math.max(-END_OF_TIME_MS, Math.min(END_OF_TIME_MS, Math.ceil(untilMs)));
  return {
    step: packText(step),
    kind,
    target: packTextOrNull(target),
    delay: delayMs === null ? null : Math.min(END_OF_TIME_MS, Math.ceil(delayMs)),
    until,
    iso: until === null ? null : new Date(until).toISOString(),
  };
}

function createFail(session: Session): RunMethod<FailRequest, Failed> {
  return createRunMethod<FailRequest, FailedRow, Failed>(session, (number) => ({
    sql: failIn(number),
    resend: true,
    values: (members, again) => [members, again],
    pack: (request) => {
      const { value, fate } = packFailure(request.failure);
      const delay = request.retryDelayMs === null ? null : Math.ceil(Math.max(0, request.retryDelayMs));
      return { ...packRef(request), failure: value, fate, delay };
    },
    answer: ([row]) => {
      const { task_state: taskState, next_run: nextRunId, next_at: nextAttemptAt } = row!;
      return refusalOf(row!) ?? { ok: true, taskState, nextRunId, nextAttemptAt };
    },
  }));
}
