// What the parts of one open store share: the way to the database, the way to commit together, and which queues there are.
import type pg from "pg";
import { ChironError } from "../../src/core/errors.ts";
import { isUuid } from "../../src/core/ids.ts";
import type { StoreBatches } from "../../src/ports/store.ts";
import type { ClaimRef, Refused } from "../../src/ports/store-types.ts";
import { packText } from "./codec.ts";
import { readToken } from "./claim-token.ts";
import type { Gatherer, Lane, Order } from "./gatherer.ts";
import type { Places } from "./places.ts";
import type { Sender } from "./sending.ts";

export interface Session {
  readonly sender: Sender;
  /** Several statements in one transaction; for what happens so rarely that nothing gathers it. */
  readonly transaction: <T>(work: (client: pg.ClientBase) => Promise<T>) => Promise<T>;
  readonly gatherer: Gatherer;
  readonly batches: StoreBatches;
  readonly places: Places;
  /** The queues this store serves, in the order in which they are asked, each with the number its functions end in. */
  readonly queues: ReadonlyMap<string, number>;
  /** Differs with every opening, so that no two openings ever hand out the same claim or ticket. */
  readonly boot: string;
  /** What durations are measured by, in ms: a store with a clock of its own takes as long as that says. */
  readonly elapsed: () => number;
  /** For a person: host and database. */
  readonly location: string;
}

/** Members of one statement; more gather for the next. Bounds how long rows are locked and how large a message gets. */
const WIDTH = 500;
/** While one statement waits for the disk another can be computed. */
const IN_FLIGHT = 2;

export interface MethodOptions<M, Row extends { readonly n: number }, A> {
  /** Whether a statement whose answer was lost can be sent again. */
  readonly resend: boolean;
  /** Most members of one statement, for large ones. */
  readonly width?: number;
  readonly inFlight?: number;
  /** `values` are the statement's parameters for these packed members. */
  readonly sql: string;
  values(members: string, again: boolean, ticket: string): readonly unknown[];
  pack(member: M): object;
  /** What a member's rows say; `again`: the statement was sent twice. */
  answer(rows: readonly Row[], member: M, again: boolean): A;
}

/** A lane whose statement takes its members as one JSON array and answers with rows that name them by their place, n. */
export function createMethod<M, Row extends { readonly n: number }, A>(
  { sender, gatherer, boot }: Session,
  options: MethodOptions<M, Row, A>,
): Lane<M, A> {
  let serial = 0;
  return gatherer.lane<M, A>({
    width: options.width ?? WIDTH,
    inFlight: options.inFlight ?? IN_FLIGHT,
    async send(members) {
      serial += 1;
      const ticket = `${boot}-${serial}`;
      const packed = JSON.stringify(members.map((member, n) => ({ n, ...options.pack(member) })));
      let resent = false;
      const values = (again: boolean): readonly unknown[] => {
        resent = again;
        return options.values(packed, again, ticket);
      };
      const rows = await sender.commit<Row>(options.sql, values, options.resend);
      const byMember: Row[][] = members.map(() => []);
      for (const row of rows) byMember[row.n]!.push(row);
      return members.map((member, n) => options.answer(byMember[n]!, member, resent));
    },
  });
}

/** One lane for every queue. */
export function lanesOf<M, Row extends { readonly n: number }, A>(
  session: Session,
  optionsOf: (number: number) => MethodOptions<M, Row, A>,
): ReadonlyMap<string, Lane<M, A>> {
  return new Map([...session.queues].map(([queue, number]) => [queue, createMethod(session, optionsOf(number))]));
}

/** What every claim-side member carries into SQL. */
export function packRef({ runId, claimToken }: ClaimRef): { run: string; worker: string } {
  return { run: idOrNone(runId), worker: packText(readToken(claimToken).claimedBy) };
}

/** A member of a claim-side write together with the row that says why it was refused, if it was. */
export interface RefusableRow {
  readonly n: number;
  readonly refused: Refused["reason"] | "done" | null;
}

/** The refusal a row tells of; null when the write went through. */
export function refusalOf({ refused }: RefusableRow): Refused | null {
  return refused === null || refused === "done" ? null : { ok: false, reason: refused };
}

export type RunMethod<M, A> = (members: readonly M[]) => Promise<(A | Refused)[]>;

/**
 * A claim-side method: one lane a queue, found by the claim token. A token this store did not make is looked up; a run that is nowhere
 * is not_found. Members of one run keep their order across all methods.
 */
export function createRunMethod<M extends ClaimRef, Row extends { readonly n: number }, A>(
  session: Session,
  optionsOf: (number: number) => MethodOptions<M, Row, A | Refused>,
  orderOf: (member: M) => readonly string[] = () => [],
): RunMethod<M, A> {
  const lanes = lanesOf(session, optionsOf);
  const order = (members: readonly M[]): Order => ({
    keys: [...new Set(members.flatMap((member) => [member.runId, ...orderOf(member)]))],
  });
  const inQueue = async (queue: string | null, members: readonly M[]): Promise<(A | Refused)[]> => {
    const lane = queue === null ? undefined : lanes.get(queue);
    return lane ? lane(members, order(members)) : members.map(() => ({ ok: false, reason: "not_found" }));
  };
  return async (members) => {
    const queues = members.map((member) => queueOf(lanes, member));
    const found = queues.includes(undefined)
      ? await Promise.all(members.map(async (member, n) => queues[n] ?? (await lookUp(session, member))))
      : (queues as string[]);
    return byQueue(found, members, inQueue);
  };
}

/** Sends each queue's members together; answers in the order of all. */
export async function byQueue<M, A>(
  queues: readonly (string | null)[],
  members: readonly M[],
  send: (queue: string | null, members: readonly M[]) => Promise<A[]>,
): Promise<A[]> {
  const [first] = queues;
  if (first === undefined) return [];
  if (queues.every((queue) => queue === first)) return send(first, members);
  const answers: A[] = [];
  const groups = Map.groupBy(members.keys(), (n) => queues[n]!);
  const sent = [...groups].map(async ([queue, places]) => {
    const given = await send(
      queue,
      places.map((n) => members[n]!),
    );
    places.forEach((n, at) => (answers[n] = given[at]!));
  });
  await Promise.all(sent);
  return answers;
}

function queueOf(lanes: ReadonlyMap<string, unknown>, { claimToken }: ClaimRef): string | undefined {
  const { queue } = readToken(claimToken);
  return queue !== null && lanes.has(queue) ? queue : undefined;
}

const NO_ID = "00000000-0000-0000-0000-000000000000";

/** An id as a uuid parameter; one that cannot be an id finds nothing. */
export function idOrNone(id: string): string {
  return isUuid(id) ? id : NO_ID;
}

const QUEUE_OF_RUN = "select (chiron.find_run($1)).queue as queue";

async function lookUp({ sender }: Session, { runId }: ClaimRef): Promise<string | null> {
  return (await sender.read<{ queue: string | null }>(QUEUE_OF_RUN, [idOrNone(runId)]))[0]!.queue;
}

/** Refuses a queue the store does not serve. */
export function checkQueue({ queues, location }: Session, queue: string): void {
  if (queues.has(queue)) return;
  throw new ChironError("bad_request", `the store ${location} does not serve a queue ${queue}`, {
    hint: `Its queues are ${[...queues.keys()].join(", ")}.`,
  });
}
