// Signing as a sender would, and wrong in the ways that an endpoint must refuse. Every mode but `none` uses the provider's own signing, so
// a delivery is wrong in exactly the one way that its mode names.
import { createHash } from "node:crypto";
import { ChironError } from "../core/errors.ts";
import { providerOf, type WebhookAuth } from "./auth.ts";
import type { HookRequest, Provider } from "./provider.ts";

export const SIGN_MODES = ["auto", "none", "tampered", "expired", "wrong-secret", "previous-secret", "future"] as const;
export type SignMode = (typeof SIGN_MODES)[number];

/** Beyond the tolerance, so that no clock that is a little off makes it right again. */
const BEYOND_MS = 60_000;

export interface Signing {
  readonly auth: WebhookAuth;
  /** The values of the secrets that `auth` names, in its order; undefined: not set. */
  readonly secrets: readonly (string | undefined)[];
  /** The sender's time. */
  readonly nowMs: number;
}

/** The request as it goes out. Throws ChironError bad_request when this webhook cannot be signed so. */
export function signAs(mode: SignMode, request: HookRequest, { auth, secrets, nowMs }: Signing): HookRequest {
  const provider = providerOf(auth);
  if (provider === null || mode === "none") return request;
  const secret = secretFor(mode, provider, secrets);
  switch (mode) {
    case "auto":
    case "previous-secret":
    case "wrong-secret":
      return signed(provider, request, secret, nowMs);
    case "tampered":
      return tamper(provider, signed(provider, request, secret, nowMs), secret, nowMs);
    case "expired":
      return signedOff(-1, provider, request, secret, nowMs);
    case "future":
      return signedOff(1, provider, request, secret, nowMs);
  }
}

function signed(provider: Provider, request: HookRequest, secret: string, nowMs: number): HookRequest {
  const { headers, url = request.url, body = request.body } = provider.sign(request, secret, nowMs);
  return { method: request.method, url, headers: { ...request.headers, ...headers }, body };
}

function secretFor(mode: SignMode, provider: Provider, secrets: Signing["secrets"]): string {
  const place = mode === "previous-secret" ? 1 : 0;
  if (secrets.length <= place) {
    throw new ChironError("bad_request", "this webhook names one secret, so there is no previous one", {
      hint: 'While a secret is exchanged its secret_ref is a list: "secret_ref": ["NEW_SECRET", "OLD_SECRET"].',
    });
  }
  const secret = secrets[place]?.trim() ?? "";
  if (secret === "") throw new ChironError("bad_request", "the secret that would sign is not set");
  const fault = provider.checkSecret?.(secret) ?? null;
  if (fault !== null) throw new ChironError("bad_request", `the secret that would sign ${fault}`);
  return mode === "wrong-secret" ? anotherSecret(provider, secret) : secret;
}

/** Of the same shape, and the same one each time. */
function anotherSecret(provider: Provider, secret: string): string {
  const bytes = createHash("sha256").update(`not ${secret}`).digest();
  const hex = bytes.toString("hex");
  const shapes = [hex, `whsec_${bytes.toString("base64")}`, `ed25519-seed:${hex}`, `nobody:${hex}`];
  return shapes.find((one) => (provider.checkSecret?.(one) ?? null) === null) ?? hex;
}

/** One byte changed after signing: of the body where the signature covers it, else of what proves the sender. */
function tamper(provider: Provider, request: HookRequest, secret: string, nowMs: number): HookRequest {
  const longer = { ...request, body: Buffer.concat([request.body, Buffer.from(" ")]) };
  if (!provider.verify(longer, secret, nowMs).ok) return longer;
  const header = provider.secretHeaders.find((name) => request.headers[name] !== undefined);
  if (header !== undefined)
    return { ...request, headers: { ...request.headers, [header]: otherEnd(request.headers[header]!) } };
  return { ...request, url: otherEnd(request.url) };
}

function otherEnd(text: string): string {
  return text.slice(0, -1) + (text.endsWith("0") ? "1" : "0");
}

/** Signed so long before or after now that its time alone is wrong. */
function signedOff(way: 1 | -1, provider: Provider, request: HookRequest, secret: string, nowMs: number): HookRequest {
  const off = way * ((provider.toleranceMs ?? 0) + BEYOND_MS);
  const late = signed(provider, request, secret, nowMs + off);
  if (provider.toleranceMs !== null && !provider.verify(late, secret, nowMs).ok) return late;
  const title = provider.title;
  throw new ChironError("bad_request", `${title} signs no time here, so a delivery cannot expire or come too early`);
}
