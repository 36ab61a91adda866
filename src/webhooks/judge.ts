// What becomes of one delivery: every check in the order of reference behaviour, section 6.1, each with what it found. Pure: the same
// bytes, secrets and moment always get the same judgement, so that a rejected delivery can be explained afterwards.
import { createHash } from "node:crypto";
import type { JsonText } from "../core/json-text.ts";
import { providerOf, secretRefsOf } from "./auth.ts";
import { mediaTypeOf, readBody, type BodyRead } from "./body.ts";
import { envelopeText, queryOf, redactHeaders } from "./envelope.ts";
import { whyNot } from "./filter.ts";
import type { Handshake, HookRequest, Provider, Verdict } from "./provider.ts";
import type { WebhookSpec } from "./spec.ts";
import { triggerKeyOf } from "./trigger-key.ts";

/** Largest body, on the wire and after decoding, in bytes. */
export const WEBHOOK_BODY_LIMIT = 1_048_576;

export type CheckName = "method" | "content_type" | "size" | "secret" | "signature" | "handshake" | "body" | "filter";

/** One step of the way, for whoever asks why. */
export interface Check {
  readonly check: CheckName;
  readonly ok: boolean;
  /** For the webhook's owner; holds no secret and no signature. */
  readonly detail: string;
}

export type Outcome =
  | {
      readonly kind: "rejected";
      readonly status: 400 | 401 | 405 | 413 | 503;
      /** For the sender. */
      readonly message: string;
    }
  | { readonly kind: "handshake"; readonly answer: Handshake }
  | { readonly kind: "filtered"; readonly why: string }
  | { readonly kind: "accepted"; readonly key: string; readonly input: JsonText };

export interface Judgement {
  readonly outcome: Outcome;
  readonly checks: readonly Check[];
}

export interface Circumstances {
  /** A secret's value by the name of its variable; undefined when unset. */
  readonly secret: (name: string) => string | undefined;
  readonly nowMs: number;
  readonly sourceIp: string | null;
}

/** Judges a delivery to this webhook. `request.url` is the address as the sender knows it. */
export function judge(spec: WebhookSpec, request: HookRequest, circumstances: Circumstances): Judgement {
  const checks: Check[] = [];
  const note = (check: CheckName, ok: boolean, detail: string): void => void checks.push({ check, ok, detail });
  const outcome =
    checkShape(spec, request, note) ??
    checkSignature(spec, request, circumstances, note) ??
    readAndFilter(spec, request, circumstances, note);
  return { outcome, checks };
}

type Note = (check: CheckName, ok: boolean, detail: string) => void;

function rejected(status: 400 | 401 | 405 | 413 | 503, message: string): Outcome {
  return { kind: "rejected", status, message };
}

function checkShape(spec: WebhookSpec, request: HookRequest, note: Note): Outcome | null {
  const method = request.method.toUpperCase();
  const methodFits = spec.allowed_methods.includes(method);
  note("method", methodFits, methodFits ? method : `${method} is none of ${spec.allowed_methods.join(", ")}`);
  if (!methodFits) return rejected(405, "method not allowed for webhook");
  const declared = request.headers["content-type"];
  const type = mediaTypeOf(declared);
  const typeFits = declared === undefined || spec.allowed_content_types.includes(type);
  const types = spec.allowed_content_types.join(", ");
  note("content_type", typeFits, typeFits ? type || "none" : `${type || "an empty type"} is none of ${types}`);
  if (!typeFits) return rejected(400, "unsupported webhook content type");
  const size = request.body.length;
  const sizeFits = size <= WEBHOOK_BODY_LIMIT;
  note("size", sizeFits, `${size} of at most ${WEBHOOK_BODY_LIMIT} bytes`);
  return sizeFits ? null : rejected(413, "webhook body is too large");
}

/** The secrets that can be used, and what is wrong with the others. A blank one is none (decision D13). */
function usableSecrets(spec: WebhookSpec, provider: Provider, secret: Circumstances["secret"]) {
  const faults: string[] = [];
  const usable: { readonly name: string; readonly value: string }[] = [];
  for (const name of secretRefsOf(spec.auth)) {
    const value = secret(name)?.trim() ?? "";
    const fault = value === "" ? "is not set" : (provider.checkSecret?.(value) ?? null);
    if (fault === null) usable.push({ name, value });
    else faults.push(`${name} ${fault}`);
  }
  return { usable, faults };
}

function checkSignature(
  spec: WebhookSpec,
  request: HookRequest,
  { secret, nowMs }: Circumstances,
  note: Note,
): Outcome | null {
  const provider = providerOf(spec.auth);
  if (provider === null) {
    note("signature", true, "this webhook takes deliveries from anyone");
    return null;
  }
  const { usable, faults } = usableSecrets(spec, provider, secret);
  const names = usable.map(({ name }) => name).join(", ");
  note("secret", usable.length > 0, [names, ...faults].filter((text) => text !== "").join("; "));
  if (usable.length === 0) return rejected(503, `webhook secret is not configured: ${faults.join("; ")}`);
  let verdict: Verdict | null = null;
  for (const { name, value } of usable) {
    verdict = provider.verify(request, value, nowMs);
    if (!verdict.ok) continue;
    note("signature", true, `${provider.title}: verified with ${name}`);
    const answer = provider.handshake?.(request, value) ?? null;
    if (answer === null) return null;
    note("handshake", true, answer.name);
    return { kind: "handshake", answer };
  }
  const refusal = verdict as Extract<Verdict, { readonly ok: false }>;
  note("signature", false, `${provider.title}: ${refusal.detail}`);
  return rejected(401, refusal.refusal === "missing" ? "missing webhook signature" : "invalid webhook signature");
}

function readAndFilter(spec: WebhookSpec, request: HookRequest, { sourceIp }: Circumstances, note: Note): Outcome {
  const body = readBody(request.body, request.headers["content-type"]);
  note("body", body.ok, body.ok ? `${request.body.length} bytes` : body.message);
  if (!body.ok)
    return rejected(400, body.message.startsWith("invalid JSON") ? "invalid JSON webhook body" : body.message);
  const why = spec.filter === null ? null : whyNot(spec.filter, { headers: request.headers, body: body.value });
  if (spec.filter !== null) note("filter", why === null, why ?? "passed");
  if (why !== null) return { kind: "filtered", why };
  return accepted(spec, request, body, sourceIp);
}

function accepted(
  spec: WebhookSpec,
  request: HookRequest,
  body: Extract<BodyRead, { readonly ok: true }>,
  sourceIp: string | null,
): Outcome {
  const rawBodySha256 = createHash("sha256").update(request.body).digest("hex");
  const { slug, provider, trigger_key: trigger, auth } = spec;
  const { headers } = request;
  const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");
  const key = triggerKeyOf({ slug, trigger, headers, bodySha256: rawBodySha256, sha256 });
  const url = new URL(request.url);
  const input = envelopeText({
    slug,
    provider,
    method: request.method.toUpperCase(),
    path: url.pathname,
    headers: redactHeaders(headers, providerOf(auth)?.secretHeaders ?? []),
    query: queryOf(url.search, secretParameters(spec)),
    body: body.text,
    rawBodySha256,
    sourceIp,
  });
  return { kind: "accepted", key, input };
}

/** Parts of the address that hold a secret. */
export function secretParameters({ auth }: WebhookSpec): readonly string[] {
  return auth.type === "query" ? [auth.parameter] : [];
}
