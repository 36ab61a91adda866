// What a claimed run writes, each write behind the fence: checkpoints, the end of an attempt, which code runs it. Waits are in suspend.ts.
import type { RunId, TaskId } from "../../src/core/ids.ts";
import type { ProgressTransitions } from "../../src/ports/store.ts";
import type {
  Accepted,
  CheckpointKept,
  CheckpointWrite,
  CompleteRequest,
  Failed,
  FailRequest,
  Refused,
} from "../../src/ports/store-types.ts";
import { packFailure, packJson, packText, packTextOrNull } from "./codec.ts";
import type { EndedRun, Endings } from "./endings.ts";
import { createRefusal, FENCE } from "./fence.ts";
import type { Recorder } from "./recorder.ts";
import { each, type Session } from "./session.ts";
import { createSuspend } from "./suspend.ts";
import type { Waiting } from "./waiting.ts";

const DRAW = `UPDATE runs SET lease_until = ?, updated_at = ?, recorded = recorded + 1 WHERE ${FENCE}
  RETURNING task_id, attempt, recorded`;
const PUT_BACK = "UPDATE runs SET recorded = recorded - 1 WHERE run_id = ?";
const ENDED = "claim_token = NULL, lease_until = NULL, finished_at = ?, updated_at = ?";
const COMPLETE = `UPDATE runs SET state = 'completed', ${ENDED} WHERE ${FENCE} RETURNING run_id, task_id, attempt, queue, recorded`;
const FAIL = `UPDATE runs SET state = 'failed', failure = ?, ${ENDED} WHERE ${FENCE} RETURNING run_id, task_id, attempt, queue, recorded`;
const STAMP = `UPDATE runs SET generation = ?, pinned = coalesce(?, pinned) WHERE ${FENCE}`;

interface Drawn {
  readonly task_id: TaskId;
  readonly attempt: number;
  readonly recorded: number;
}

export interface ProgressParts {
  readonly recorder: Recorder;
  readonly waiting: Waiting;
  readonly endings: Endings;
}

export function createProgress(session: Session, parts: ProgressParts): ProgressTransitions {
  const { db, clock } = session;
  const checkpoint = createCheckpoint(session, parts.recorder);
  const suspend = createSuspend(session, parts);
  const { complete, fail } = createFinish(session, parts.endings);
  const stamp = db.prepare(STAMP);
  return {
    checkpoint: (writes) => each(session, writes, checkpoint),
    suspend: (requests) => each(session, requests, suspend),
    complete: (requests) => each(session, requests, complete),
    fail: (requests) => each(session, requests, fail),
    stamp: (refs) =>
      session.commits.add(() => {
        const now = clock.now();
        for (const { runId, claimToken, generation, pin } of refs) {
          const code = packText(generation);
          stamp.run(code, pin ? code : null, runId, claimToken, now);
        }
      }),
  };
}

function createCheckpoint(
  { db, clock }: Session,
  recorder: Recorder,
): (write: CheckpointWrite) => CheckpointKept | Refused {
  const refuse = createRefusal(db);
  const draw = db.prepare<unknown[], Drawn>(DRAW);
  const putBack = db.prepare<[RunId]>(PUT_BACK);
  return (write) => {
    const now = clock.now();
    const { runId, claimToken, leaseMs, durationMs } = write;
    const drawn = draw.get(now + leaseMs, now, runId, claimToken, now);
    if (!drawn) return refuse(write);
    const { task_id: taskId, attempt, recorded: seq } = drawn;
    const name = packText(write.name);
    const value = packJson(write.value);
    const position = packTextOrNull(write.position);
    const row = { taskId, runId, attempt, seq, name, kind: "step", value, now, durationMs, position } as const;
    if (recorder.insert(row)) return { ok: true };
    putBack.run(runId);
    return { ok: true, kept: recorder.find(taskId, name)! };
  };
}

function createFinish(
  { db, clock }: Session,
  endings: Endings,
): {
  complete: (request: CompleteRequest) => Accepted | Refused;
  fail: (request: FailRequest) => Failed | Refused;
} {
  const refuse = createRefusal(db);
  const completeRun = db.prepare<unknown[], EndedRun>(COMPLETE);
  const failRun = db.prepare<unknown[], EndedRun>(FAIL);
  return {
    complete(request) {
      const now = clock.now();
      const run = completeRun.get(now, now, request.runId, request.claimToken, now);
      if (!run) return refuse(request);
      endings.end(run, "completed", packJson(request.output), null, now);
      return { ok: true };
    },
    fail(request) {
      const now = clock.now();
      const failure = packFailure(request.failure);
      const run = failRun.get(failure, now, now, request.runId, request.claimToken, now);
      if (!run) return refuse(request);
      const next = endings.failed(run, failure, request.retryDelayMs, now);
      if (!next) return { ok: true, taskState: "failed", nextRunId: null, nextAttemptAt: null };
      const taskState = next.at > now ? "sleeping" : "pending";
      return { ok: true, taskState, nextRunId: next.runId, nextAttemptAt: next.at };
    },
  };
}
