// Taking runs under a new token, holding them, giving them back, and ending claims that nobody holds.
import type { RunId, TaskId } from "../../src/core/ids.ts";
import { toJsonText } from "../../src/core/json-text.ts";
import type { State } from "../../src/core/states.ts";
import type { ClaimTransitions } from "../../src/ports/store.ts";
import type {
  Accepted,
  ClaimedRun,
  ClaimRef,
  ClaimRequest,
  Expired,
  ExpireRequest,
  Failure,
  Refused,
  Release,
} from "../../src/ports/store-types.ts";
import { makeToken } from "./claim-token.ts";
import { ENDLESS, packFailure, packText, packTextOrNull, recordedOf, unpackValue, type RecordedRow } from "./codec.ts";
import { createMethod, createRunMethod, packRef, refusalOf, type RefusableRow, type Session } from "./session.ts";
import type { Listener } from "./listener.ts";
import { giveBackLost } from "./lost-claims.ts";
import { queueMark } from "./tasks.ts";
import { unpackText, unpackTextOrNull } from "../rows/stored-text.ts";

const CLAIM = "select * from chiron.claim($1::json, $2)";
const extendIn = (number: number): string => `select * from chiron.extend_${number}($1::json)`;
const heldIn = (number: number): string => `select * from chiron.held_${number}($1::json)`;
const releaseIn = (number: number): string => `select * from chiron.release_${number}($1::json, $2)`;
const UNPARK = "select chiron.unpark($1) as count";
const LAPSE_FOREIGN = "select chiron.lapse_foreign($1)";
const EXPIRE = "select * from chiron.expire($1, $2, $3)";
const SWEEP = "select chiron.sweep()";
const NEXT_DUE = "select chiron.next_due($1) as at";

/** What a claim finds lapsed it must end before it takes anything; the engine's sweep says the same. */
const LAPSED: Failure = {
  name: "$ClaimTimeout",
  message: "the lease passed without a sign of life from the process that held the run",
};

interface ClaimedRow {
  readonly n: number;
  readonly run_id: RunId;
  readonly task_id: TaskId;
  readonly workflow_name: string;
  readonly input: string | null;
  readonly stored: string | null;
  readonly attempt: number;
  readonly max_attempts: number | null;
  readonly lease_until: number;
  readonly harness_type: string | null;
  readonly pinned: string | null;
  readonly due_at: number;
  readonly recorded: readonly RecordedRow[];
}

interface ExpiredRow {
  readonly run_id: RunId;
  readonly task_id: TaskId;
  readonly queue: string;
  readonly workflow_name: string;
  readonly attempt: number;
  readonly task_state: State;
}

export function createClaims(session: Session, listener: Listener): ClaimTransitions {
  const { sender, gatherer } = session;
  const extend = createRunMethod<ClaimRef & { leaseMs: number }, RefusableRow, Accepted>(session, (number) => ({
    sql: extendIn(number),
    resend: true,
    values: (members) => [members],
    pack: (ref) => ({ ...packRef(ref), lease: ref.leaseMs }),
    answer: ([row]) => accepted(row!),
  }));
  const held = createRunMethod<ClaimRef, RefusableRow, Accepted>(session, (number) => ({
    sql: heldIn(number),
    resend: true,
    values: (members) => [members],
    pack: packRef,
    answer: ([row]) => accepted(row!),
  }));
  const release = createRunMethod<Release, RefusableRow, Accepted>(session, (number) => ({
    sql: releaseIn(number),
    resend: true,
    values: (members, again) => [members, again],
    pack: (ref) => ({ ...packRef(ref), delay: Math.ceil(Math.max(0, ref.delayMs ?? 0)), unpin: ref.unpin ?? false }),
    answer: ([row]) => accepted(row!),
  }));
  const unpark = gatherer.lane<readonly string[], number>({
    width: 1,
    inFlight: 1,
    async send([names]) {
      return [(await sender.commit<{ count: number }>(UNPARK, () => [names!.map(packText)], true))[0]!.count];
    },
  });
  const sweep = createSweep(session);
  const expire = gatherer.lane<ExpireRequest, Expired[]>({
    width: 1,
    inFlight: 1,
    async send([request]) {
      const expired = await expireOne(session, request!);
      await sweep();
      return [expired];
    },
  });
  return {
    claim: createClaim(session),
    extend: (refs) => extend(refs),
    held: (refs) => held(refs),
    release: (refs) => release(refs),
    unpark: async (names) => (await unpark([names]))[0]!,
    // Only asked by a process that knows itself to be alone: elsewhere the claims of others are theirs until the lease has passed.
    async expire(request) {
      if (request.scope === "foreign") await sender.commit(LAPSE_FOREIGN, () => [request.owner], true);
      return (await expire([request]))[0]!;
    },
    async nextDueAt(queues) {
      const served = queues.flatMap((queue) => session.queues.get(queue) ?? []);
      return (await sender.read<{ at: number | null }>(NEXT_DUE, [served]))[0]!.at;
    },
    subscribe: (listen) => listener.subscribe(listen),
  };
}

export function accepted(row: RefusableRow): Accepted | Refused {
  return refusalOf(row) ?? { ok: true };
}

function createClaim(session: Session): ClaimTransitions["claim"] {
  let serial = 0;
  interface Numbered extends ClaimRequest {
    readonly claimedBy: string;
  }
  const lane = createMethod<Numbered, ClaimedRow, ClaimedRun[]>(session, {
    sql: CLAIM,
    // Sent again it would take others; what a lost answer took is given back.
    resend: false,
    values: (members) => [members, toJsonText(LAPSED)],
    pack: ({ queue, claimedBy, leaseMs, limit, generation, keepPinned }) => ({
      q: session.queues.get(queue),
      worker: packText(claimedBy),
      lease: Math.max(1, Math.ceil(leaseMs / 1_000)),
      qty: limit,
      code: packTextOrNull(generation),
      keep: keepPinned ?? false,
    }),
    answer: (rows, request) => rows.map((row, index) => claimedOf(row, request.queue, request.claimedBy, index)),
  });
  return async (requests) => {
    const asked = requests.flatMap((request) => {
      if (!session.queues.has(request.queue) || request.limit < 1) return [];
      serial += 1;
      return [{ ...request, claimedBy: `${request.owner}:${session.boot}-${serial}` }];
    });
    const order = { awaits: [...new Set(asked.map(({ queue }) => queueMark(queue)))] };
    const answers = await lane(asked, order).catch(async (error: unknown) => {
      await giveBackLost(session, error, asked);
      throw error;
    });
    const size = answers.reduce((sum, runs) => sum + runs.length, 0);
    if (size > 0) session.batches.claims.observe(size);
    let at = 0;
    return requests.map(({ queue, limit }) => (session.queues.has(queue) && limit >= 1 ? answers[at++]! : []));
  };
}

function claimedOf(row: ClaimedRow, queue: string, claimedBy: string, index: number): ClaimedRun {
  return {
    runId: row.run_id,
    taskId: row.task_id,
    queue,
    workflowName: unpackText(row.workflow_name),
    input: unpackValue(row.input, row.stored),
    attempt: row.attempt,
    maxAttempts: row.max_attempts ?? ENDLESS,
    claimToken: makeToken(claimedBy, index, queue),
    leaseUntil: row.lease_until,
    harnessType: unpackTextOrNull(row.harness_type),
    pinnedGeneration: unpackTextOrNull(row.pinned),
    dueAt: row.due_at,
    recorded: row.recorded.map(recordedOf),
  };
}

/** A sweep that takes longer than this is made less often, in ms. */
const QUICK_SWEEP_MS = 50;
/** Its part of the time is then one in this many. */
const SWEEP_SHARE = 20;

/** Looks for what other programs did past Chiron: at every call, or, where there are very many unfinished tasks, now and then. */
function createSweep({ sender, elapsed }: Session): () => Promise<void> {
  let notBefore = 0;
  return async () => {
    const start = elapsed();
    if (start < notBefore) return;
    await sender.commit(SWEEP, () => [], true);
    const tookMs = elapsed() - start;
    notBefore = tookMs > QUICK_SWEEP_MS ? start + tookMs * SWEEP_SHARE : 0;
  };
}

async function expireOne({ sender }: Session, { failure, limit }: ExpireRequest): Promise<Expired[]> {
  const { value, fate } = packFailure(failure);
  const rows = await sender.commit<ExpiredRow>(EXPIRE, () => [value, fate, limit], true);
  return rows.map((row) => ({
    runId: row.run_id,
    taskId: row.task_id,
    queue: row.queue,
    workflowName: unpackText(row.workflow_name),
    attempt: row.attempt,
    taskState: row.task_state,
  }));
}
