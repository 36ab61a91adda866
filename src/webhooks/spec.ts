// A webhook as it is served: every field present, every alias resolved (reference behaviour, section 6.2).
import type { WebhookAuth } from "./auth.ts";
import type { FilterNode } from "./filter.ts";

export type TriggerKey =
  | { readonly type: "header"; readonly header: string }
  | { readonly type: "static"; readonly value: string };

export interface WebhookSpec {
  readonly slug: string;
  readonly provider: string | null;
  readonly auth: WebhookAuth;
  /** null: the hash of the raw body. */
  readonly trigger_key: TriggerKey | null;
  /** Upper-case. */
  readonly allowed_methods: readonly string[];
  /** Lower-case, without parameters. */
  readonly allowed_content_types: readonly string[];
  readonly filter: FilterNode | null;
}
