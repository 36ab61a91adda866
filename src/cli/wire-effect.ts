// Effects as the API answers them, and effect ids as people type them.
import { ChironError } from "../core/errors.ts";
import { isUuid } from "../core/ids.ts";
import type { Client } from "./client.ts";

export interface WireEffect {
  readonly id: string;
  readonly task_id: string;
  readonly run_id: string;
  readonly workflow_name: string;
  readonly kind: string;
  /** For example `ctx.post_to_slack`. */
  readonly call: string;
  readonly target: string | null;
  readonly ordinal: string;
  readonly key: string | null;
  readonly nature: "real" | "stubbed" | "recorded";
  readonly by: string;
  readonly state: "started" | "done" | "failed";
  readonly started_at: string;
  readonly finished_at: string | null;
  readonly duration_ms: number | null;
  readonly error: string | null;
  readonly request: unknown;
  readonly answer: unknown;
  readonly progress?: readonly string[] | null;
}

const LEAST = 6;
/** How many of the newest effects a short id is looked for in. */
const SEARCHED = 200;

export function effectPath(id: string, part?: string): string {
  const path = `/api/outbox/${encodeURIComponent(id)}`;
  return part === undefined ? path : `${path}/${part}`;
}

/** The full id of an effect. Throws bad_request, not_found, or conflict for a text that several ids end with. */
export async function resolveEffectId(client: Client, text: string): Promise<string> {
  const wanted = text.trim().toLowerCase();
  if (isUuid(wanted)) return wanted;
  if (!/^[0-9a-f-]+$/.test(wanted) || wanted.length < LEAST) {
    throw new ChironError("bad_request", `${text} is not the id of an effect`, {
      hint: `Give an id, or at least ${LEAST} characters of its end; see "chiron outbox list".`,
    });
  }
  const { effects } = await client.get(`/api/outbox?limit=${SEARCHED}`);
  const found = (effects as readonly WireEffect[]).map(({ id }) => id).filter((id) => id.endsWith(wanted));
  if (found.length === 1) return found[0]!;
  if (found.length > 1)
    throw new ChironError("conflict", `${found.length} effects end with ${text}; give more of the id`);
  throw new ChironError("not_found", `none of the newest ${SEARCHED} effects ends with ${text}`, {
    hint: "Give the whole id for an older one.",
  });
}
