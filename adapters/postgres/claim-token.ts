// Claim tokens: what proves a claim, and where to look for it. `claimed_by` in the database is the same for all runs of one claim call;
// the token adds a number of its own and the queue, so that a write finds its table without asking.
import type { ClaimToken } from "../../src/core/ids.ts";

export interface ClaimSource {
  /** What the database knows the claim by; begins with the owner. */
  readonly claimedBy: string;
  /** Null for a token this store did not make. */
  readonly queue: string | null;
}

export function makeToken(claimedBy: string, index: number, queue: string): ClaimToken {
  return `${claimedBy}/${index}/${encodeURIComponent(queue)}` as ClaimToken;
}

export function readToken(token: ClaimToken): ClaimSource {
  const match = /^(.*)\/\d+\/([^/]*)$/s.exec(token);
  if (!match) return { claimedBy: token, queue: null };
  try {
    return { claimedBy: match[1]!, queue: decodeURIComponent(match[2]!) };
  } catch {
    return { claimedBy: token, queue: null };
  }
}
