// The way of one delivery through the checks: their order, what each says, and what a run gets.
import { createHash, createHmac } from "node:crypto";
import { expect, test } from "vitest";
import { readWebhook } from "../../src/catalog/declarations/webhook.ts";
import { judge, type Judgement } from "../../src/webhooks/judge.ts";
import type { HookRequest } from "../../src/webhooks/provider.ts";

const SECRET = "It's a Secret to Everybody";
const HOOK = { slug: "triage", provider: "github", auth: { type: "github_hmac", secret_ref: "HOOK_SECRET" } };

interface Sent {
  readonly body?: string | Buffer;
  readonly headers?: Readonly<Record<string, string>>;
  readonly method?: string;
  readonly url?: string;
  readonly secret?: string;
  readonly secrets?: Readonly<Record<string, string>>;
}

function deliver(declared: object, sent: Sent = {}): Judgement {
  const { spec, flaws } = readWebhook(declared);
  expect(flaws.filter((flaw) => flaw.severity === "error")).toEqual([]);
  const body = Buffer.from(sent.body ?? "{}");
  const signature = createHmac("sha256", sent.secret ?? SECRET)
    .update(body)
    .digest("hex");
  const request: HookRequest = {
    method: sent.method ?? "POST",
    url: sent.url ?? "http://127.0.0.1:7780/api/webhooks/triage",
    headers: { "content-type": "application/json", "x-hub-signature-256": `sha256=${signature}`, ...sent.headers },
    body,
  };
  const secrets = sent.secrets ?? { HOOK_SECRET: SECRET };
  return judge(spec!, request, { secret: (name) => secrets[name], nowMs: 1_777_777_777_000, sourceIp: "203.0.113.9" });
}

function inputOf(judgement: Judgement): { webhook: Record<string, any> } {
  expect(judgement.outcome.kind).toBe("accepted");
  return JSON.parse((judgement.outcome as { input: string }).input);
}

test("a signed delivery becomes an envelope that holds no secret", () => {
  const body = '{"action":"opened","number":12345678901234567890,"action":"closed"}';
  const judgement = deliver(HOOK, {
    body,
    headers: { "X-GitHub-Event": "issues", authorization: "Basic c2VjcmV0", cookie: "a=b" },
    url: "http://127.0.0.1:7780/api/webhooks/triage?a=1&a=2&b=3",
  });
  const text = (judgement.outcome as { input: string }).input;
  expect(text).toContain(body);
  expect(inputOf(judgement).webhook).toMatchObject({
    slug: "triage",
    provider: "github",
    method: "POST",
    path: "/api/webhooks/triage",
    query: { a: ["1", "2"], b: "3" },
    body: { action: "closed" },
    raw_body_sha256: createHash("sha256").update(body).digest("hex"),
    source_ip: "203.0.113.9",
    headers: {
      "x-github-event": "issues",
      authorization: "[redacted]",
      cookie: "[redacted]",
      "x-hub-signature-256": "[redacted]",
    },
  });
  expect(text).not.toMatch(/sha256=|c2VjcmV0|Everybody/);
});

test("method, content type and size are refused before the signature is looked at, in this order", () => {
  const unsigned = { "x-hub-signature-256": "" };
  const big = Buffer.alloc(1_048_577, 32);
  const refusal = (sent: Sent) => deliver(HOOK, sent).outcome;
  expect(refusal({ method: "PUT", headers: { ...unsigned, "content-type": "text/plain" }, body: big })).toMatchObject({
    status: 405,
  });
  expect(refusal({ headers: { ...unsigned, "content-type": "text/plain" }, body: big })).toMatchObject({
    status: 400,
    message: "unsupported webhook content type",
  });
  expect(refusal({ headers: unsigned, body: big })).toMatchObject({ status: 413 });
  expect(refusal({ headers: unsigned })).toMatchObject({ status: 401, message: "missing webhook signature" });
  expect(refusal({ secret: "wrong", body: "not json" })).toMatchObject({
    status: 401,
    message: "invalid webhook signature",
  });
  expect(refusal({ body: "not json" })).toMatchObject({ status: 400, message: "invalid JSON webhook body" });
  expect(refusal({ body: Buffer.alloc(1_048_576, 32) })).toMatchObject({ status: 400 });
});

test.each([[{}], [{ HOOK_SECRET: "" }], [{ HOOK_SECRET: " \n" }]])(
  "a secret that is unset, empty or blank closes the webhook and says so: %j",
  (secrets) => {
    const { outcome, checks } = deliver(HOOK, { secrets, secret: "" });
    expect(outcome).toMatchObject({ kind: "rejected", status: 503 });
    expect(checks.at(-1)).toEqual({ check: "secret", ok: false, detail: "HOOK_SECRET is not set" });
  },
);

test("while a secret is exchanged, either one verifies, and a missing one does not matter", () => {
  const hook = { ...HOOK, auth: { type: "github", secret_ref: ["HOOK_NEW", "HOOK_SECRET"] } };
  for (const secrets of [{ HOOK_NEW: "n", HOOK_SECRET: SECRET }, { HOOK_SECRET: SECRET }]) {
    expect(deliver(hook, { secrets }).checks).toContainEqual({
      check: "signature",
      ok: true,
      detail: "GitHub: verified with HOOK_SECRET",
    });
  }
  expect(deliver(hook, { secrets: { HOOK_NEW: "n" } }).outcome).toMatchObject({ status: 401 });
});

test("a delivery's key is its header, a fixed text, or the hash of its bytes when the header is not there", () => {
  const keyOf = (trigger_key: object | null, headers = {}) =>
    (deliver({ ...HOOK, trigger_key }, { headers }).outcome as { key: string }).key;
  const hash = createHash("sha256").update("{}").digest("hex");
  const byHeader = { type: "header", name: "X-GitHub-Delivery" };
  expect(keyOf(byHeader, { "x-github-delivery": "72d3162e" })).toBe("webhook:triage:x-github-delivery:72d3162e");
  expect(keyOf(byHeader)).toBe(`webhook:triage:${hash}`);
  expect(keyOf(byHeader, { "x-github-delivery": " " })).toBe(`webhook:triage:${hash}`);
  expect(keyOf({ type: "static", value: "one" })).toBe("webhook:triage:one");
  expect(keyOf(null)).toBe(`webhook:triage:${hash}`);
  expect(keyOf(byHeader, { "x-github-delivery": "x".repeat(5_000) })).toMatch(
    /^webhook:triage:x-github-delivery:sha256-[0-9a-f]{64}$/,
  );
});

test("forms are read: a payload field as JSON, other fields as an object, repeated ones as lists", () => {
  const hook = { ...HOOK, auth: "none", allowed_content_types: ["application/x-www-form-urlencoded", "text/plain"] };
  const bodyOf = (body: string, type = "application/x-www-form-urlencoded; charset=utf-8") =>
    inputOf(deliver(hook, { body, headers: { "content-type": type } })).webhook["body"];
  expect(bodyOf(`payload=${encodeURIComponent('{"a":[1]}')}`)).toEqual({ a: [1] });
  expect(bodyOf("a=1&b=2&a=3&a=4")).toEqual({ a: ["1", "3", "4"], b: "2" });
  expect(bodyOf("")).toEqual({});
  expect(Object.keys(bodyOf("__proto__=1&constructor=2&__proto__=3"))).toEqual(["__proto__", "constructor"]);
  expect(bodyOf("plain & simple", "text/plain")).toBe("plain & simple");
});

test.each([
  ["[".repeat(65) + "]".repeat(65), "nested deeper"],
  [`[${"1,".repeat(100_001)}1]`, "more than 100000 values"],
  ['{"a":1', "JSON"],
])("a body that would cost too much to read is refused: %#", (body, why) => {
  const { outcome, checks } = deliver(HOOK, { body });
  expect(outcome).toMatchObject({ status: 400, message: "invalid JSON webhook body" });
  expect(checks.at(-1)!.detail).toContain(why);
});

test("a byte that is no UTF-8 is refused", () => {
  expect(deliver(HOOK, { body: Buffer.from([0x22, 0xff, 0x22]) }).outcome).toMatchObject({ status: 400 });
});

test("a member called __proto__ is data", () => {
  const { body } = inputOf(deliver(HOOK, { body: '{"__proto__":{"polluted":true},"a":1}' })).webhook as {
    body: object;
  };
  expect(Object.keys(body)).toEqual(["__proto__", "a"]);
  expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
});

test("a filter lets through what matches, and says what did not", () => {
  const leaf = (key: string, op: string, value: unknown, source = "body") => ({
    source,
    key,
    op,
    [op === "in" ? "values" : "value"]: value,
  });
  const outcomeOf = (
    filter: object,
    body: object = { action: "opened", issue: { title: "  Bug: crash" }, n: 1, list: ["x"] },
  ) => deliver({ ...HOOK, filter }, { body: JSON.stringify(body), headers: { "x-github-event": "issues" } }).outcome;
  expect(outcomeOf(leaf("action", "equals", "opened"))).toMatchObject({ kind: "accepted" });
  expect(outcomeOf(leaf("X-GitHub-Event", "in", ["push", "issues"], "header"))).toMatchObject({ kind: "accepted" });
  expect(outcomeOf(leaf("issue.title", "prefix", "Bug:"))).toMatchObject({ kind: "accepted" });
  expect(outcomeOf(leaf("issue.title", "contains", "crash"))).toMatchObject({ kind: "accepted" });
  expect(outcomeOf({ any: [leaf("action", "equals", "x"), leaf("action", "equals", "opened")] })).toMatchObject({
    kind: "accepted",
  });
  const closed = outcomeOf({ all: [leaf("action", "equals", "opened"), leaf("action", "equals", "closed")] });
  expect(closed).toEqual({ kind: "filtered", why: 'body action equals "closed", but it is "opened"' });
  for (const key of ["n", "missing", "list.0", "issue", "toString", "__proto__.x"]) {
    expect(outcomeOf(leaf(key, "contains", "")), key).toMatchObject({ kind: "filtered" });
  }
});

test("a token in the address is taken, and kept nowhere", () => {
  const hook = { slug: "triage", auth: { type: "query", secret_ref: "HOOK_SECRET", parameter: "key" } };
  const url = "http://127.0.0.1/api/webhooks/triage?key=tok-123&x=1";
  const judgement = deliver(hook, { url, secrets: { HOOK_SECRET: "tok-123" }, headers: { "x-hub-signature-256": "" } });
  expect(inputOf(judgement).webhook["query"]).toEqual({ key: "[redacted]", x: "1" });
  expect(JSON.stringify(judgement)).not.toContain("tok-123");
});
