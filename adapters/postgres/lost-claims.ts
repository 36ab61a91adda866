// A claim whose answer was lost holds runs that nobody works on. They are given back, which costs no attempt, as soon as the database
// answers again; what that does not reach, the lease ends.
import { setTimeout as wait } from "node:timers/promises";
import pg from "pg";
import { ChironError } from "../../src/core/errors.ts";
import { packText } from "./codec.ts";
import type { Session } from "./session.ts";

/** Far longer than a claim takes that is still under way on the server. */
const SETTLED_MS = 100;

const giveBackIn = (queue: string, number: number): string => `select * from chiron.release_${number}((
  select coalesce(json_agg(json_build_object('n', 0, 'run', r.run_id, 'worker', r.claimed_by, 'delay', 0)), '[]')
  from absurd.${pg.escapeIdentifier(`r_${queue}`)} r where r.state = 'running' and r.claimed_by = any ($1)), false)`;

/** After `error` ended these claims: gives back what they may have taken. Never rejects. */
export async function giveBackLost(
  { sender, queues }: Session,
  error: unknown,
  claims: readonly { readonly queue: string; readonly claimedBy: string }[],
): Promise<void> {
  if (!(error instanceof ChironError) || error.details?.["inDoubt"] !== true) return;
  await wait(SETTLED_MS);
  for (const [queue, lost] of Map.groupBy(claims, (claim) => claim.queue)) {
    const names = lost.map(({ claimedBy }) => packText(claimedBy));
    await sender.commit(giveBackIn(queue, queues.get(queue)!), () => [names], true).catch(() => undefined);
  }
}
