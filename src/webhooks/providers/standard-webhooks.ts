// Standard Webhooks, and Svix, which it comes from: id.timestamp.body under a whsec_ key; several signatures stand beside each other while a
// key is exchanged. https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
import { createHash } from "node:crypto";
import { type HookRequest, type Provider, refuse, VERIFIED, type Verdict } from "../provider.ts";
import { decode, hmac, sameBytes } from "../signature.ts";
import { checkSeconds, FIVE_MINUTES_MS, secondsOf } from "../signed-time.ts";

const KEY_PREFIX = "whsec_";
/** A sender with more signatures than this is not exchanging keys. */
const MAX_SIGNATURES = 32;

interface Names {
  readonly id: string;
  readonly timestamp: string;
  readonly signature: string;
}

const STANDARD: Names = { id: "webhook-id", timestamp: "webhook-timestamp", signature: "webhook-signature" };
const SVIX: Names = { id: "svix-id", timestamp: "svix-timestamp", signature: "svix-signature" };

/** The key's bytes; null when the text is none. */
function keyOf(secret: string): Buffer | null {
  const text = secret.startsWith(KEY_PREFIX) ? secret.slice(KEY_PREFIX.length) : secret;
  return decode(text, "base64");
}

function checkSecret(secret: string): string | null {
  return keyOf(secret) === null ? `is not ${KEY_PREFIX} followed by base64` : null;
}

function verify(request: HookRequest, secret: string, nowMs: number, names: Names): Verdict {
  const { [names.id]: id, [names.timestamp]: timestamp, [names.signature]: signatures } = request.headers;
  for (const [name, value] of [
    [names.id, id],
    [names.timestamp, timestamp],
    [names.signature, signatures],
  ] as const) {
    if (!value) return refuse("missing", `the header ${name} is missing`);
  }
  const wrongTime = checkSeconds(timestamp!, nowMs, FIVE_MINUTES_MS);
  if (wrongTime) return wrongTime;
  const key = keyOf(secret);
  if (key === null) return refuse("mismatch", "the secret is not a key of this scheme");
  const wanted = hmac("sha256", key, `${id}.${timestamp}.`, request.body);
  const given = signatures!.split(" ").slice(0, MAX_SIGNATURES);
  const known = given.filter((one) => one.startsWith("v1,")).map((one) => decode(one.slice(3), "base64"));
  if (known.length === 0) return refuse("malformed", `${names.signature} holds no v1 signature`);
  return known.some((bytes) => bytes !== null && sameBytes(bytes, wanted))
    ? VERIFIED
    : refuse("mismatch", `no signature in ${names.signature} fits the secret, the id, the time and the body`);
}

function sign(request: HookRequest, secret: string, nowMs: number, names: Names): Readonly<Record<string, string>> {
  const key = keyOf(secret) ?? Buffer.from(secret);
  // The same body gets the same id, so that a test's repetition is one.
  const id = request.headers[names.id] ?? `msg_${createHash("sha256").update(request.body).digest("hex").slice(0, 24)}`;
  const timestamp = secondsOf(nowMs);
  const digest = hmac("sha256", key, `${id}.${timestamp}.`, request.body).toString("base64");
  return { [names.id]: id, [names.timestamp]: timestamp, [names.signature]: `v1,${digest}` };
}

function provider(name: string, title: string, names: Names): Provider {
  // Senders moved from the one spelling to the other: whichever is there is verified.
  const namesOf = (request: HookRequest): Names => {
    const other = names === STANDARD ? SVIX : STANDARD;
    return request.headers[names.signature] === undefined && request.headers[other.signature] !== undefined
      ? other
      : names;
  };
  return {
    name,
    title,
    secretHeaders: [STANDARD.signature, SVIX.signature],
    deliveryHeader: names.id,
    toleranceMs: FIVE_MINUTES_MS,
    checkSecret,
    verify: (request, secret, nowMs) => verify(request, secret, nowMs, namesOf(request)),
    sign: (request, secret, nowMs) => ({ headers: sign(request, secret, nowMs, names) }),
    samples: [
      {
        name: "invoice.paid",
        headers: { "content-type": "application/json", [names.id]: "msg_2KWPBgLlAfxdpx2AI54pPJ85f4W" },
        body: JSON.stringify({
          type: "invoice.paid",
          timestamp: "2026-11-03T20:26:10.344522Z",
          data: { id: "in_1PgafmB7WZ01zgkW6dKueIc5", customer: "cus_5a1", amount_paid: 2000, currency: "eur" },
        }),
      },
    ],
  };
}

export const standardWebhooks: Provider = provider("standard_webhooks", "Standard Webhooks", STANDARD);
export const svix: Provider = provider("svix", "Svix", SVIX);
