// Every sender, signed right and wrong: the endpoint's own verification is the judge.
import { describe, expect, test } from "vitest";
import type { WebhookAuth } from "../../src/webhooks/auth.ts";
import { providerOf } from "../../src/webhooks/auth.ts";
import { nearMisses } from "../../src/webhooks/near-misses.ts";
import type { HookRequest } from "../../src/webhooks/provider.ts";
import { PROVIDER_NAMES } from "../../src/webhooks/providers.ts";
import { SIGN_MODES, signAs, type SignMode } from "../../src/webhooks/sign-mode.ts";

const NOW = 1_780_000_000_000;
const SHAPES: Readonly<Record<string, string>> = {
  standard_webhooks: `whsec_${Buffer.from("a key of twenty-four byte").toString("base64")}`,
  svix: `whsec_${Buffer.from("a key of twenty-four byte").toString("base64")}`,
  gitlab: `whsec_${Buffer.from("a key of twenty-four byte").toString("base64")}`,
  discord: `ed25519-seed:${"5a".repeat(32)}`,
  basic: "ada:love",
};

function authOf(type: string): WebhookAuth {
  const secret_ref = ["NEW", "OLD"];
  if (type === "hmac")
    return { type, secret_ref, signature_header: "X-Sig", algorithm: "sha256", signature_prefix: "", encoding: "hex" };
  if (type === "bearer") return { type, secret_ref, header: "Authorization", scheme: "Bearer" };
  if (type === "query") return { type, secret_ref, parameter: "token" };
  return { type, secret_ref } as WebhookAuth;
}

function requestOf(auth: WebhookAuth): HookRequest {
  const { headers, body } = providerOf(auth)!.samples[0]!;
  return { method: "POST", url: "https://hooks.example.com/api/webhooks/x", headers, body: Buffer.from(body) };
}

describe.each([...PROVIDER_NAMES, "hmac", "bearer", "basic", "query"])("%s", (type) => {
  const auth = authOf(type);
  const provider = providerOf(auth)!;
  const secret = SHAPES[type] ?? "the secret in use";
  const secrets = [secret, SHAPES[type] ?? "the one before"];
  const verdict = (mode: SignMode) =>
    provider.verify(signAs(mode, requestOf(auth), { auth, secrets, nowMs: NOW }), secret, NOW);

  test("auto verifies; none, tampered and wrong-secret do not", () => {
    expect(verdict("auto")).toEqual({ ok: true });
    for (const mode of ["none", "tampered", "wrong-secret"] as const) expect(verdict(mode).ok, mode).toBe(false);
  });

  test("expired and future are told apart where a time is signed, and refused where none is", () => {
    for (const mode of ["expired", "future"] as const) {
      if (provider.toleranceMs === null) expect(() => verdict(mode)).toThrow("signs no time here");
      else expect(verdict(mode)).toMatchObject({ ok: false, refusal: mode });
    }
  });
});

test("a previous secret signs only where one is named, and a secret that is not set signs nothing", () => {
  const auth: WebhookAuth = { type: "github", secret_ref: "ONE" };
  const request = requestOf(auth);
  expect(() => signAs("previous-secret", request, { auth, secrets: ["a"], nowMs: NOW })).toThrow("no previous one");
  expect(() => signAs("auto", request, { auth, secrets: [" "], nowMs: NOW })).toThrow("is not set");
  const token: WebhookAuth = { type: "gitlab", secret_ref: "ONE" };
  const expired = () => signAs("expired", requestOf(token), { auth: token, secrets: ["plain"], nowMs: NOW });
  expect(expired).toThrow("GitLab signs no time here");
  const open: WebhookAuth = { type: "none" };
  for (const mode of SIGN_MODES) expect(signAs(mode, request, { auth: open, secrets: [], nowMs: NOW })).toBe(request);
});

describe("near misses", () => {
  const auth: WebhookAuth = { type: "github", secret_ref: "HOOK" };
  const values: Record<string, string> = { HOOK: "s3cret", HOOK_OLD: "before", BLANK: "" };
  const misses = (request: HookRequest, other: WebhookAuth = auth, nowMs = NOW): string[] =>
    nearMisses({
      auth: other,
      request,
      nowMs,
      secret: (name) => values[name],
      otherNames: ["HOOK_OLD", "BLANK", "NONE"],
    });
  const signed = (secret: string, change: (request: HookRequest) => HookRequest = (one) => one): HookRequest =>
    change(signAs("auto", requestOf(auth), { auth, secrets: [secret], nowMs: NOW }));

  test.each<[string, HookRequest, string]>([
    ["an earlier secret", signed("before"), "fits the secret HOOK_OLD"],
    ["a secret with a line break", lineBreak(), "line break at its end"],
    ["a body that lost its line break", signed("s3cret", cut), "the body with a line break at its end"],
    ["a body that was written again", signed("s3cret", pretty), "written as JSON again"],
  ])("%s is named", (_what, request, said) => {
    expect(misses(request).join("\n")).toContain(said);
  });

  function lineBreak(): HookRequest {
    const request = requestOf(auth);
    return { ...request, headers: { ...request.headers, ...providerOf(auth)!.sign(request, "s3cret\n", NOW).headers } };
  }

  function cut(request: HookRequest): HookRequest {
    const body = Buffer.concat([request.body, Buffer.from("\n")]);
    const whole = signAs("auto", { ...request, body }, { auth, secrets: ["s3cret"], nowMs: NOW });
    return { ...whole, body: request.body };
  }

  function pretty(request: HookRequest): HookRequest {
    return { ...request, body: Buffer.from(JSON.stringify(JSON.parse(request.body.toString()), null, 4)) };
  }

  test("another header, hash or encoding is named", () => {
    const old: WebhookAuth = {
      type: "hmac",
      secret_ref: "HOOK",
      signature_header: "X-Hub-Signature",
      algorithm: "sha1",
      signature_prefix: "sha1=",
      encoding: "hex",
    };
    const request = signAs("auto", requestOf(auth), { auth: old, secrets: ["s3cret"], nowMs: NOW });
    expect(misses(request)).toEqual([
      `the header x-hub-signature holds the body's hash as sha1 in hex behind "sha1=", which is not what this webhook's auth declares`,
    ]);
  });

  test("an address that differs names the public_url to set", () => {
    const twilio: WebhookAuth = { type: "twilio", secret_ref: "HOOK" };
    const request = signAs("auto", requestOf(twilio), { auth: twilio, secrets: ["s3cret"], nowMs: NOW });
    const plain = { ...request, url: request.url.replace("https:", "http:") };
    expect(misses(plain, twilio).join()).toContain('public_url = "https://hooks.example.com"');
  });

  test("a wrong clock is told by how much", () => {
    const stripe: WebhookAuth = { type: "stripe", secret_ref: "HOOK" };
    const request = signAs("auto", requestOf(stripe), { auth: stripe, secrets: ["s3cret"], nowMs: NOW - 3_600_000 });
    expect(misses(request, stripe).join()).toContain("made 3600 s before it came");
  });

  test("nothing is said of a signature that nothing explains", () => {
    expect(misses(signed("somebody else's"))).toEqual([]);
    expect(misses(signed("x"), { type: "none" })).toEqual([]);
  });
});
