// Makes the bytes of one delivery: body, headers and address as the scenario says, signed as the sender would sign them, or wrongly in the
// way that was asked for.
import fs from "node:fs";
import path from "node:path";
import { ChironError, messageOf } from "../core/errors.ts";
import { nearest } from "../core/nearest.ts";
import { providerOf, secretRefsOf } from "../webhooks/auth.ts";
import { parseFixture, type Fixture } from "../webhooks/fixture.ts";
import type { HookRequest, Provider, Sample } from "../webhooks/provider.ts";
import { providerNamed, isProviderName } from "../webhooks/providers.ts";
import type { WebhookSpec } from "../webhooks/spec.ts";
import { signAs, type SignMode } from "../webhooks/sign-mode.ts";
import type { DeliveryItem } from "./format.ts";
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

/** The request as it goes over the wire. Throws ChironError bad_request for what this webhook's sender cannot do. */
export function deliveryRequest(item: DeliveryItem, context: DeliveryContext): HookRequest {
  const plain = unsigned(item, context);
  return signed(plain, item.sign ?? "auto", context);
}

function unsigned(item: DeliveryItem, { spec, base, dir, deliveryId }: DeliveryContext): HookRequest {
  const sample = item.sample === undefined ? null : sampleOf(item.sample, spec);
  const fixture = fixtureOf(item, dir);
  const given = fixture?.body ?? bodyOf(item, sample, dir);
  const body = item.patch === undefined ? given : patchedBody(given, item.patch);
  const isText = "body" in item && typeof item.body === "string";
  const headers: Record<string, string> = {
    ...(body.length > 0 && !isText ? { "content-type": "application/json" } : {}),
    ...(isText ? { "content-type": "text/plain" } : {}),
    ...sample?.headers,
    ...fixture?.headers,
  };
  const idHeader = senderOf(spec)?.deliveryHeader ?? null;
  if (idHeader !== null && headers[idHeader] !== undefined) headers[idHeader] = deliveryId(headers[idHeader]);
  for (const [name, value] of Object.entries(item.headers ?? {})) {
    if (value === null) delete headers[name.toLowerCase()];
    else headers[name.toLowerCase()] = String(value);
  }
  const url = new URL(`${base}/api/webhooks/${encodeURIComponent(spec.slug)}`);
  url.search = fixture?.query ?? "";
  for (const [name, value] of Object.entries(item.query ?? {})) url.searchParams.set(name, String(value));
  const method = item.method ?? fixture?.method ?? spec.allowed_methods[0] ?? "POST";
  return { method: method.toUpperCase(), url: url.href, headers, body };
}

/** The recorded delivery that a scenario names; null: it names none. Throws bad_request. */
export function fixtureOf({ fixture }: DeliveryItem, dir: string): Fixture | null {
  if (fixture === undefined) return null;
  try {
    return parseFixture(fs.readFileSync(path.resolve(dir, fixture), "utf8"), fixture);
  } catch (error) {
    throw error instanceof ChironError ? error : bad(`fixture: ${messageOf(error)}`);
  }
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
  if (mode === "none" || (provider === null && mode === "auto")) return plain;
  if (provider === null) {
    throw bad(`sign: ${mode}: webhook ${spec.slug} takes deliveries from anyone, there is nothing to sign`);
  }
  const secrets = secretRefsOf(spec.auth).map(secret);
  // Nothing to sign with: the endpoint says so.
  if (mode === "auto" && !secrets[0]?.trim()) return plain;
  const { auth } = spec;
  // Somebody else's signature is a whole one.
  if (mode === "wrong-secret")
    return signAs("auto", plain, { auth, secrets: [madeUpSecret(provider, "wrong")], nowMs });
  return signAs(mode, plain, { auth, secrets, nowMs });
}

function bad(message: string): ChironError {
  return new ChironError("bad_request", message);
}
