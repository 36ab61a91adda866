// Taking runs under a new token, holding them, and giving them back. What a claim finds due it also brings up to date: waits whose
// deadline has passed become checkpoints before the checkpoints are read.
import type { ClaimToken, RunId, TaskId } from "../../src/core/ids.ts";
import type { JsonText } from "../../src/core/json-text.ts";
import type { ClaimTransitions } from "../../src/ports/store.ts";
import type { Accepted, ClaimRef, ClaimRequest, ClaimedRun, Refused, Release } from "../../src/ports/store-types.ts";
import { packText } from "./codec.ts";
import type { Endings } from "./endings.ts";
import { createExpire } from "./expire.ts";
import { createRefusal, FENCE } from "./fence.ts";
import { prepareQuery } from "./query.ts";
import type { Recorder } from "./recorder.ts";
import { each, read, type Session } from "./session.ts";
import type { Waiting } from "./waiting.ts";
import { unpackText, unpackTextOrNull } from "../rows/stored-text.ts";

/** The index is named, because ANALYZE on a table of finished runs can lead the planner to a scan. */
export const DUE = `SELECT r.run_id, r.task_id, r.attempt, r.available_at, r.recorded, r.started_at, r.pinned, t.workflow_name, t.input,
  t.max_attempts, t.harness_type FROM runs r INDEXED BY runs_due CROSS JOIN tasks t ON t.task_id = r.task_id
  WHERE r.queue = ? AND r.state IN ('pending', 'sleeping') AND r.available_at <= ? ORDER BY r.available_at, r.run_id LIMIT ?`;
const CLAIM = `UPDATE runs SET state = 'running', claim_token = ?, lease_until = ?, generation = coalesce(?, generation),
  pinned = coalesce(pinned, ?), started_at = coalesce(started_at, ?), updated_at = ? WHERE run_id = ?`;
const HELD = `SELECT 1 AS held FROM runs WHERE ${FENCE}`;
const EXTEND = `UPDATE runs SET lease_until = ? WHERE ${FENCE}`;
const RELEASE = `UPDATE runs SET state = 'pending', claim_token = NULL, lease_until = NULL, available_at = ?, updated_at = ?,
  pinned = CASE WHEN ? THEN NULL ELSE pinned END WHERE ${FENCE}`;
export const UNPARK = `UPDATE runs SET available_at = ?, updated_at = ? WHERE state = 'pending' AND available_at > ? AND run_id IN
  (SELECT last_run_id FROM tasks INDEXED BY tasks_by_end WHERE ended IS NULL AND workflow_name = ?)`;
export const NEXT_DUE = `SELECT available_at AS at FROM runs INDEXED BY runs_due WHERE queue = ? AND state IN ('pending', 'sleeping')
  AND available_at IS NOT NULL ORDER BY available_at LIMIT 1`;

interface DueRow {
  readonly run_id: RunId;
  readonly task_id: TaskId;
  readonly attempt: number;
  readonly available_at: number;
  readonly recorded: number;
  readonly started_at: number | null;
  readonly pinned: string | null;
  readonly workflow_name: string;
  readonly input: JsonText;
  readonly max_attempts: number;
  readonly harness_type: string | null;
}

export function createClaims(session: Session, parts: ClaimParts): ClaimTransitions {
  const { db, clock } = session;
  const claim = createClaim(session, parts);
  const refuse = createRefusal(db);
  const extend = db.prepare(EXTEND);
  const release = db.prepare(RELEASE);
  const unpark = db.prepare(UNPARK);
  const unparkOne = (name: string): number => {
    const now = clock.now();
    return unpark.run(now, now, now, name).changes;
  };
  const expire = createExpire(session, parts.endings);
  const held = prepareQuery<[string, string, number], { held: number }>(db, HELD);
  const nextDue = prepareQuery<[string], { at: number }>(db, NEXT_DUE);

  const extendOne = (ref: ClaimRef & { leaseMs: number }): Accepted | Refused => {
    const now = clock.now();
    const { changes } = extend.run(now + ref.leaseMs, ref.runId, ref.claimToken, now);
    return changes > 0 ? { ok: true } : refuse(ref);
  };
  const heldOne = (ref: ClaimRef): Accepted | Refused =>
    held.get(ref.runId, ref.claimToken, clock.now()) ? { ok: true } : refuse(ref);
  const releaseOne = (ref: Release): Accepted | Refused => {
    const now = clock.now();
    const at = now + Math.ceil(Math.max(0, ref.delayMs ?? 0));
    const { changes } = release.run(at, now, ref.unpin ? 1 : 0, ref.runId, ref.claimToken, now);
    return changes > 0 ? { ok: true } : refuse(ref);
  };

  return {
    async claim(requests) {
      const claimed = await each(session, requests, claim);
      const size = claimed.reduce((sum, runs) => sum + runs.length, 0);
      if (size > 0) session.claimSizes.observe(size);
      return claimed;
    },
    extend: (refs) => each(session, refs, extendOne),
    held: (refs) => read(session, () => refs.map(heldOne)),
    release: (refs) => each(session, refs, releaseOne),
    unpark: (names) => session.commits.add(() => names.reduce((count, name) => count + unparkOne(packText(name)), 0)),
    expire: (request) => session.commits.add(() => expire(request)),
    nextDueAt: (queues) =>
      read(session, () => {
        const times = queues.map((queue) => nextDue.get(packText(queue))?.at ?? Infinity);
        const first = Math.min(...times);
        return first === Infinity ? null : first;
      }),
  };
}

export interface ClaimParts {
  readonly recorder: Recorder;
  readonly waiting: Waiting;
  readonly endings: Endings;
}

function createClaim(session: Session, { recorder, waiting }: ClaimParts): (request: ClaimRequest) => ClaimedRun[] {
  const { db, clock, boot } = session;
  const due = prepareQuery<[string, number, number], DueRow>(db, DUE);
  const take = db.prepare(CLAIM);
  let serial = 0;
  return ({ queue, limit, leaseMs, owner, generation, keepPinned }) => {
    const code = generation === undefined ? null : packText(generation);
    const now = clock.now();
    const leaseUntil = now + leaseMs;
    return due.all(packText(queue), now, limit).map((row) => {
      serial += 1;
      const claimToken = `${owner}:${boot}-${serial}` as ClaimToken;
      const noted = keepPinned && row.pinned !== null ? row.pinned : code;
      take.run(claimToken, leaseUntil, noted, code, now, now, row.run_id);
      // A first attempt that never ran has no waits, and no checkpoints unless it is a fork: the common case costs no query.
      const fresh = row.attempt === 1 && row.started_at === null && row.recorded === 0;
      if (!fresh) waiting.lapse(row.task_id, now);
      return {
        runId: row.run_id,
        taskId: row.task_id,
        queue,
        workflowName: unpackText(row.workflow_name),
        input: row.input,
        attempt: row.attempt,
        maxAttempts: row.max_attempts,
        claimToken,
        leaseUntil,
        harnessType: unpackTextOrNull(row.harness_type),
        pinnedGeneration: unpackTextOrNull(row.pinned ?? code),
        dueAt: row.available_at,
        recorded: fresh ? [] : recorder.all(row.task_id),
      };
    });
  };
}
