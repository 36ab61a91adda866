// Makes the bytes of one delivery: body, headers and address as the scenario says, signed as the sender would sign them, or wrongly in the
// way that was asked for.
import fs from "node:fs";
import path from "node:path";
import { ChironError, messageOf } from "../core/errors.ts";
import { nearest } from "../core/nearest.ts";
import { providerOf, secretRefsOf } from "../webhooks/auth.ts";
import type { HookRequest, Provider, Sample } from "../webhooks/provider.ts";
import { providerNamed, isProviderName } from "../webhooks/providers.ts";
import type { WebhookSpec } from "../webhooks/spec.ts";
import type { DeliveryItem, SignMode } from "./format.ts";
import { madeUpSecret } from "./made-up-secrets.ts";
import { patched } from "./patch.ts";

export interface DeliveryContext {
  readonly spec: WebhookSpec;
  /** The server's address. */
  readonly base: string;
  /** Folder of the scenario file. */
  readonly dir: string;
  readonly secret: (name: string) => string | undefined;
  readonly nowMs: number;
  /** The id under which a sample's delivery goes out: a server remembers those of earlier tests. */
  readonly deliveryId: (ofSample: string) => string;
}

/** Beyond the tolerance, with a second for rounding. */
const BEYOND_MS = 2_000;

/** The request as it goes over the wire. Throws ChironError bad_request for what this webhook's sender cannot do. */
export function deliveryRequest(item: DeliveryItem, context: DeliveryContext): HookRequest {
  const plain = unsigned(item, context);
  return signed(plain, item.sign ?? "auto", context);
}

function unsigned(item: DeliveryItem, { spec, base, dir, deliveryId }: DeliveryContext): HookRequest {
  const sample = item.sample === undefined ? null : sampleOf(item.sample, spec);
  const given = bodyOf(item, sample, dir);
  const body = item.patch === undefined ? given : patchedBody(given, item.patch);
  const isText = "body" in item && typeof item.body === "string";
  const headers: Record<string, string> = {
    ...(body.length > 0 && !isText ? { "content-type": "application/json" } : {}),
    ...(isText ? { "content-type": "text/plain" } : {}),
    ...sample?.headers,
  };
  const idHeader = senderOf(spec)?.deliveryHeader ?? null;
  if (idHeader !== null && headers[idHeader] !== undefined) headers[idHeader] = deliveryId(headers[idHeader]);
  for (const [name, value] of Object.entries(item.headers ?? {})) {
    if (value === null) delete headers[name.toLowerCase()];
    else headers[name.toLowerCase()] = String(value);
  }
  const url = new URL(`${base}/api/webhooks/${encodeURIComponent(spec.slug)}`);
  for (const [name, value] of Object.entries(item.query ?? {})) url.searchParams.set(name, String(value));
  return { method: (item.method ?? spec.allowed_methods[0] ?? "POST").toUpperCase(), url: url.href, headers, body };
}

function sampleOf(name: string | true, spec: WebhookSpec): Sample {
  const samples = senderOf(spec)?.samples ?? [];
  const found = name === true ? samples[0] : samples.find((one) => one.name === name);
  if (found) return found;
  const names = samples.map((one) => one.name);
  const [near] = typeof name === "string" ? nearest(name, names, 1) : [];
  throw bad(
    samples.length === 0
      ? `webhook ${spec.slug} has no samples: its sender is not known`
      : `webhook ${spec.slug} has no sample "${name}"; ${near ? `did you mean "${near}"?` : `there are ${names.join(", ")}`}`,
  );
}

/** By who signs, else by whom the webhook is said to come from. */
function senderOf(spec: WebhookSpec): Provider | null {
  const named = spec.provider?.toLowerCase() ?? "";
  return providerOf(spec.auth) ?? (isProviderName(named) ? providerNamed(named) : null);
}

function bodyOf(item: DeliveryItem, sample: Sample | null, dir: string): Buffer {
  if (item.body_raw !== undefined) return Buffer.from(item.body_raw);
  if (item.body_base64 !== undefined) return Buffer.from(item.body_base64, "base64");
  if (item.body_file !== undefined) {
    try {
      return fs.readFileSync(path.resolve(dir, item.body_file));
    } catch (error) {
      throw bad(`body_file: ${messageOf(error)}`);
    }
  }
  if ("body" in item) return Buffer.from(typeof item.body === "string" ? item.body : JSON.stringify(item.body));
  return Buffer.from(sample?.body ?? "");
}

function patchedBody(body: Buffer, patch: NonNullable<DeliveryItem["patch"]>): Buffer {
  let value: unknown;
  try {
    value = JSON.parse(body.toString("utf8"));
  } catch {
    throw bad("patch: the body is not JSON; write it out with body_raw");
  }
  return Buffer.from(JSON.stringify(patched(value, patch)));
}

function signed(plain: HookRequest, mode: SignMode, { spec, secret, nowMs }: DeliveryContext): HookRequest {
  const provider = providerOf(spec.auth);
  if (mode === "none") return plain;
  if (provider === null) {
    if (mode === "auto") return plain;
    throw bad(`sign: ${mode}: webhook ${spec.slug} takes deliveries from anyone, there is nothing to sign`);
  }
  const refs = secretRefsOf(spec.auth);
  const key = secretFor(mode, spec, provider, secret);
  // Nothing to sign with: the endpoint says so.
  if (key === undefined) return plain;
  const at = mode === "expired" || mode === "future" ? shifted(mode, provider, nowMs) : nowMs;
  const request = withSignature(plain, provider, key, at);
  return mode === "tampered" ? tampered(request, provider, secret(refs[0]!) ?? key, nowMs) : request;
}

function secretFor(
  mode: SignMode,
  spec: WebhookSpec,
  provider: Provider,
  secret: (name: string) => string | undefined,
): string | undefined {
  const refs = secretRefsOf(spec.auth);
  if (mode === "wrong-secret") return madeUpSecret(provider, `wrong ${refs[0]!}`);
  if (mode !== "previous-secret") return secret(refs[0]!)?.trim();
  if (refs[1] !== undefined) return secret(refs[1])?.trim();
  throw bad(`sign: previous-secret: webhook ${spec.slug} has one secret; name two with "secret_ref": ["NEW", "OLD"]`);
}

function shifted(mode: "expired" | "future", provider: Provider, nowMs: number): number {
  if (provider.toleranceMs === null) throw bad(`sign: ${mode}: ${provider.title} signs no time`);
  const by = provider.toleranceMs + BEYOND_MS;
  return mode === "expired" ? nowMs - by : nowMs + by;
}

function withSignature(plain: HookRequest, provider: Provider, secret: string, nowMs: number): HookRequest {
  const { headers, url, body } = provider.sign(plain, secret, nowMs);
  const lower = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
  return { ...plain, url: url ?? plain.url, body: body ?? plain.body, headers: { ...plain.headers, ...lower } };
}

/** One change after signing: of the body where the signature covers it, else of the secret itself. */
function tampered(request: HookRequest, provider: Provider, secret: string, nowMs: number): HookRequest {
  const spoilt = (text: string): string => text.slice(0, -1) + (text.endsWith("0") ? "1" : "0");
  const candidates: HookRequest[] = [
    { ...request, body: Buffer.concat([request.body, Buffer.from("\n")]) },
    ...provider.secretHeaders
      .filter((name) => request.headers[name] !== undefined)
      .map((name) => ({ ...request, headers: { ...request.headers, [name]: spoilt(request.headers[name]!) } })),
    { ...request, url: spoilt(request.url) },
  ];
  return candidates.find((one) => !provider.verify(one, secret, nowMs).ok) ?? candidates[0]!;
}

function bad(message: string): ChironError {
  return new ChironError("bad_request", message);
}
