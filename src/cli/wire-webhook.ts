// Webhooks and deliveries as the API answers them, and both as people name them.
import { ChironError } from "../core/errors.ts";
import { isUuid } from "../core/ids.ts";
import { nearest } from "../core/nearest.ts";
import type { WebhookAuth } from "../webhooks/auth.ts";
import type { TriggerKey } from "../webhooks/spec.ts";
import type { Client } from "./client.ts";

export interface WireWebhook {
  readonly slug: string;
  readonly path: string;
  readonly workflow_name: string;
  readonly source_path: string;
  readonly provider: string | null;
  readonly auth: string;
  readonly signing: WebhookAuth;
  readonly secrets: readonly { readonly name: string; readonly state: "set" | "missing" | "malformed" }[];
  readonly allowed_methods: readonly string[];
  readonly allowed_content_types: readonly string[];
  readonly trigger_key: TriggerKey | null;
}

export interface WireDelivery {
  readonly delivery_id: string;
  readonly slug: string;
  readonly workflow_name: string | null;
  readonly received_at: string;
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body_size: number;
  readonly source_ip: string | null;
  readonly outcome: "accepted" | "duplicate" | "filtered" | "handshake" | "rejected";
  readonly status: number;
  readonly checks: readonly { readonly check: string; readonly ok: boolean; readonly detail: string }[];
  readonly key: string | null;
  readonly task_id: string | null;
  readonly same_body: boolean;
  readonly near_misses?: readonly string[];
}

const LEAST = 6;
/** How many of the newest deliveries a short id is looked for in. */
const SEARCHED = 200;

export async function webhooksOf(client: Client): Promise<readonly WireWebhook[]> {
  return (await client.get("/api/workflows/webhooks"))["webhooks"] as readonly WireWebhook[];
}

/** Throws not_found with the nearest slugs. */
export async function findWebhook(client: Client, slug: string): Promise<WireWebhook> {
  const hooks = await webhooksOf(client);
  const found = hooks.find((one) => one.slug === slug);
  if (found) return found;
  const slugs = hooks.map((one) => one.slug);
  const near = nearest(slug, slugs);
  throw new ChironError("not_found", `there is no webhook ${slug}`, {
    hint:
      near.length > 0
        ? `Did you mean ${near.join(" or ")}?`
        : slugs.length > 0
          ? `There are ${slugs.slice(0, 10).join(", ")}.`
          : 'No workflow declares WEBHOOKS; see "chiron workflows list" for files that do not load.',
  });
}

export async function deliveriesOf(client: Client, query: URLSearchParams): Promise<readonly WireDelivery[]> {
  return (await client.get(`/api/workflows/deliveries?${query.toString()}`))["deliveries"] as readonly WireDelivery[];
}

export function deliveryPath(id: string, part?: string): string {
  const path = `/api/workflows/deliveries/${encodeURIComponent(id)}`;
  return part === undefined ? path : `${path}/${part}`;
}

/** A delivery by its id, by the end of it, or as "last". Throws bad_request, not_found, conflict. */
export async function findDelivery(client: Client, text: string, slug?: string): Promise<WireDelivery> {
  const id = await resolve(client, text.trim().toLowerCase(), slug);
  return (await client.get(deliveryPath(id)))["delivery"] as WireDelivery;
}

async function resolve(client: Client, wanted: string, slug: string | undefined): Promise<string> {
  if (isUuid(wanted)) return wanted;
  const isLast = wanted === "last";
  if (!isLast && (!/^[0-9a-f-]+$/.test(wanted) || wanted.length < LEAST)) {
    throw new ChironError("bad_request", `${wanted} is not the id of a delivery`, {
      hint: `Give an id, at least ${LEAST} characters of its end, or "last"; see "chiron hooks deliveries".`,
    });
  }
  const query = new URLSearchParams({ limit: isLast ? "1" : String(SEARCHED), ...(slug ? { slug } : {}) });
  const ids = (await deliveriesOf(client, query)).map((one) => one.delivery_id);
  const found = isLast ? ids : ids.filter((id) => id.endsWith(wanted));
  if (found.length === 1) return found[0]!;
  if (found.length > 1)
    throw new ChironError("conflict", `${found.length} deliveries end with ${wanted}; give more of the id`);
  throw new ChironError("not_found", isLast ? "there is no delivery yet" : `no recent delivery ends with ${wanted}`, {
    hint: "Deliveries to slugs that nobody declares are not kept; rejected ones are kept by the process that took them.",
  });
}

/** The bytes as they came. */
export async function bodyOf(client: Client, id: string): Promise<Buffer> {
  return Buffer.from(await (await client.open(deliveryPath(id, "body"))).arrayBuffer());
}
