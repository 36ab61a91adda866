// The bytes of a scenario's deliveries, for every sender: what is signed well verifies, and what is signed wrongly in a chosen way does not.
import { expect, test } from "vitest";
import type { DeliveryItem } from "../../src/scenarios/format.ts";
import { deliveryRequest } from "../../src/scenarios/delivery.ts";
import { madeUpSecret, secretsFor } from "../../src/scenarios/made-up-secrets.ts";
import { patched } from "../../src/scenarios/patch.ts";
import { providerOf, type WebhookAuth } from "../../src/webhooks/auth.ts";
import { judge } from "../../src/webhooks/judge.ts";
import { PROVIDER_NAMES } from "../../src/webhooks/providers.ts";
import type { SignMode } from "../../src/webhooks/sign-mode.ts";
import type { WebhookSpec } from "../../src/webhooks/spec.ts";

const NOW = Date.UTC(2026, 4, 5, 12);
const refs = { secret_ref: ["NEW", "OLD"] };
const AUTHS: readonly WebhookAuth[] = [
  ...PROVIDER_NAMES.map((type) => ({ type, ...refs })),
  { type: "bearer", header: "Authorization", scheme: "Bearer", ...refs },
  { type: "basic", ...refs },
  { type: "query", parameter: "token", ...refs },
  { type: "hmac", signature_header: "X-S", algorithm: "sha1", signature_prefix: "", encoding: "base64", ...refs },
];

function specOf(auth: WebhookAuth): WebhookSpec {
  return {
    slug: "hook",
    provider: null,
    auth,
    trigger_key: null,
    allowed_methods: ["POST"],
    allowed_content_types: ["application/json", "application/x-www-form-urlencoded", "text/plain"],
    filter: null,
  };
}

function request(item: DeliveryItem, auth: WebhookAuth = { type: "none" }) {
  const secrets = secretsFor([auth], {});
  const secret = (name: string): string | undefined => secrets[name];
  const spec = specOf(auth);
  const made = deliveryRequest(item, {
    spec,
    base: "http://localhost",
    dir: "/nowhere",
    secret,
    nowMs: NOW,
    deliveryId: (id) => id,
  });
  return { made, outcome: judge(spec, made, { secret, nowMs: NOW, sourceIp: null }).outcome };
}

function verdictOf(auth: WebhookAuth, sign: SignMode): string {
  const { outcome } = request({ sample: true, sign }, auth);
  return outcome.kind === "rejected" ? String(outcome.status) : outcome.kind;
}

test.each(AUTHS.map((auth) => [auth.type, auth] as const))("%s: taken as signed, refused as forged", (_type, auth) => {
  expect(verdictOf(auth, "auto")).toBe("accepted");
  expect(verdictOf(auth, "previous-secret")).toBe("accepted");
  for (const sign of ["none", "tampered", "wrong-secret"] as const)
    expect([sign, verdictOf(auth, sign)]).toEqual([sign, "401"]);
});

// GitLab signs a time only with a secret of its newer kind.
const timed = AUTHS.filter((auth) => providerOf(auth)!.toleranceMs !== null && auth.type !== "gitlab");

test.each(timed.map((auth) => [auth.type, auth] as const))("%s: refused when too old or too new", (_type, auth) => {
  expect([verdictOf(auth, "expired"), verdictOf(auth, "future")]).toEqual(["401", "401"]);
});

test("what a sender cannot do is said", () => {
  expect(() => request({ sample: true, sign: "expired" }, { type: "github", ...refs })).toThrow("GitHub signs no time");
  expect(() => request({ sample: true, sign: "previous-secret" }, { type: "github", secret_ref: "ONE" })).toThrow(
    "names one secret",
  );
  expect(() => request({ body: {}, sign: "tampered" })).toThrow("nothing to sign");
  expect(() => request({ sample: "isues.opened" }, { type: "github", ...refs })).toThrow(
    'did you mean "issues.opened"?',
  );
});

test("made-up secrets are the same every time and differ from each other", () => {
  const provider = providerOf({ type: "github", ...refs })!;
  expect(madeUpSecret(provider, "A")).toBe(madeUpSecret(provider, "A"));
  expect(madeUpSecret(provider, "A")).not.toBe(madeUpSecret(provider, "B"));
});

test("a body is JSON, a text as it is, or exact bytes", () => {
  const of = (item: DeliveryItem) => request(item).made;
  expect(of({ body: { a: 1 } })).toMatchObject({ headers: { "content-type": "application/json" } });
  expect(of({ body: { a: 1 } }).body.toString()).toBe('{"a":1}');
  expect(of({ body: "a=1" })).toMatchObject({ headers: { "content-type": "text/plain" } });
  expect(of({ body_raw: '{"a":1,"a":2}' }).body.toString()).toBe('{"a":1,"a":2}');
  expect([...of({ body_base64: "/wA=" }).body]).toEqual([255, 0]);
});

test("headers and query are added, and null takes a sample's header away", () => {
  const { made } = request(
    { sample: "ping", headers: { "X-Extra": 1, "X-GitHub-Delivery": null }, query: { a: "b c" }, method: "put" },
    { type: "github", ...refs },
  );
  expect(made.headers).toMatchObject({ "x-extra": "1", "x-github-event": "ping" });
  expect(made.headers).not.toHaveProperty("x-github-delivery");
  expect(made).toMatchObject({ method: "PUT", url: "http://localhost/api/webhooks/hook?a=b+c" });
});

test("a patch merges, or sets and removes by path", () => {
  const body = { issue: { title: "a", labels: [{ name: "x" }], state: "open" }, n: 1 };
  expect(patched(body, { issue: { title: "b", state: null }, m: 2 })).toEqual({
    issue: { title: "b", labels: [{ name: "x" }] },
    n: 1,
    m: 2,
  });
  const set = [
    { path: "issue.labels[0].name", value: "y" },
    { path: "issue.state", remove: true as const },
    { path: "new.list[0]", value: 1 },
  ];
  expect(patched(body, set)).toEqual({ issue: { title: "a", labels: [{ name: "y" }] }, n: 1, new: { list: [1] } });
  expect(body.issue.title).toBe("a");
});

test("a patch does not reach prototypes", () => {
  const result = patched({}, JSON.parse('{"__proto__": {"polluted": true}}') as Record<string, unknown>);
  expect(JSON.stringify(result)).toBe('{"__proto__":{"polluted":true}}');
  expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
});
