// The proof behind every claim-side write: this run is running under this token and its lease has not passed, by the store's clock,
// checked in the writing statement itself. Here: the condition, and why a write that found no such run was refused.
import type Database from "better-sqlite3";
import type { State } from "../../src/core/states.ts";
import type { ClaimRef, Refused } from "../../src/ports/store-types.ts";
import { prepareQuery } from "./query.ts";

/** Binds run id, claim token and now, in this order. */
export const FENCE = "run_id = ? AND claim_token = ? AND state = 'running' AND lease_until > ?";

const STATE_OF_RUN = "SELECT state FROM runs WHERE run_id = ?";

/** Answers why the fence did not let a write through. */
export function createRefusal(db: Database.Database): (ref: ClaimRef) => Refused {
  const stateOfRun = prepareQuery<[string], { state: State }>(db, STATE_OF_RUN);
  return ({ runId }) => {
    const row = stateOfRun.get(runId);
    if (!row) return { ok: false, reason: "not_found" };
    return { ok: false, reason: row.state === "cancelled" ? "cancelled" : "lease_lost" };
  };
}
