// Lines 71 to 85 of the conformance list, each against the real process over real HTTP, and what stands around them in section 6.
import { createHash, createHmac } from "node:crypto";
import net from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { makeProject, startChiron, type Chiron, type Project } from "../support/chiron-process.ts";

const SECRET = "It's a Secret to Everybody";
const STANDARD_KEY = Buffer.from("a key of twenty-four byte");
const WORKFLOW = `
WORKFLOW_NAME = "hooked"
WEBHOOKS = (
    {"slug": "github", "provider": "github", "auth": {"type": "github", "secret_ref": "HOOK_SECRET"},
     "trigger_key": {"type": "header", "header": "X-GitHub-Delivery"}, "allowed_content_types": ["application/json", "application/x-www-form-urlencoded"]},
    {"slug": "aliases", "auth": {"type": "github_hmac", "secret_ref": "HOOK_SECRET"}, "trigger_key": {"type": "header", "name": "X-Id"}},
    {"slug": "custom", "auth": {"type": "hmac", "secret_ref": "HOOK_SECRET", "signature_header": "X-My-Sig", "signature_prefix": "", "encoding": "base64"}},
    {"slug": "hex", "auth": {"type": "hmac", "secret_ref": "HOOK_SECRET"}},
    {"slug": "standard", "auth": {"type": "standard_webhooks", "secret_ref": "STANDARD_SECRET"}},
    {"slug": "bearer", "auth": {"type": "bearer", "secret_ref": "HOOK_SECRET"}},
    {"slug": "unset", "auth": {"type": "github", "secret_ref": "NEVER_SET"}},
    {"slug": "empty", "auth": {"type": "github", "secret_ref": "EMPTY_SECRET"}},
    {"slug": "blank", "auth": {"type": "github", "secret_ref": "BLANK_SECRET"}},
    {"slug": "static", "trigger_key": {"type": "static", "value": "once"}},
    {"slug": "open", "allowed_content_types": ["application/json", "application/x-www-form-urlencoded", "text/plain"]},
    {"slug": "filtered", "filter": {"all": [
        {"source": "header", "key": "X-Event", "op": "in", "values": ["a", "b"]},
        {"any": [
            {"source": "body", "key": "deep.er", "op": "equals", "value": "x"},
            {"source": "body", "key": "text", "op": "contains", "value": "mid"},
            {"source": "body", "key": "text", "op": "prefix", "value": "start"},
        ]},
    ]}},
)


async def handler(inp, ctx):
    return inp
`;
const CLOSED = `
WORKFLOW_NAME = "closed"
WEBHOOKS = {"slug": "closed", "filter": {"source": "body", "key": "a", "op": "equals", "value": "wanted"}}


async def handler(inp, ctx):
    return inp
`;
const BAD = `
WORKFLOW_NAME = "bad"
WEBHOOKS = [{"slug": "Not A Slug"}, {"slug": "bad-auth", "auth": {"type": "telepathy", "secret_ref": "X"}}]


async def handler(inp, ctx):
    return inp
`;

let project: Project;
let server: Chiron;

beforeAll(async () => {
  project = makeProject({
    "workflows/hooked.py": WORKFLOW,
    "workflows/closed.py": CLOSED,
    "workflows/bad.py": BAD,
    "chiron.toml": '[webhooks]\npublic_url = "https://flows.example.com"\n',
  });
  server = await startChiron(project, {
    HOOK_SECRET: SECRET,
    STANDARD_SECRET: `whsec_${STANDARD_KEY.toString("base64")}`,
    EMPTY_SECRET: "",
    BLANK_SECRET: " \t ",
    WORKFLOW_ENABLE_MODE: "allowlist",
    WORKFLOW_ALLOWED_NAMES: "hooked,bad",
  });
});
afterAll(async () => {
  await server.kill();
  project.remove();
});

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Record<string, any>;
}

async function send(
  slug: string,
  body: string | Buffer,
  headers: Record<string, string> = {},
  method = "POST",
): Promise<Answer> {
  const response = await fetch(`${server.url}/api/webhooks/${slug}`, {
    method,
    headers: { "content-type": "application/json", ...headers },
    ...(method === "GET" ? {} : { body: new Uint8Array(Buffer.from(body)) }),
  });
  return { status: response.status, headers: response.headers, body: (await response.json()) as Record<string, any> };
}

const mac = (body: string | Buffer, encoding: "hex" | "base64" = "hex"): string =>
  createHmac("sha256", SECRET).update(body).digest(encoding);
const github = (body: string | Buffer): Record<string, string> => ({ "x-hub-signature-256": `sha256=${mac(body)}` });
const flip = (text: string): string => text.slice(0, -1) + (text.endsWith("0") ? "1" : "0");

/** The input that the run of this answer got. */
async function envelope(answer: Answer): Promise<Record<string, any>> {
  expect(answer.body).toMatchObject({ ok: true, workflow_name: "hooked", status: "queued" });
  return (await server.finished(answer.body["run_id"])).result.output.webhook;
}

async function runCount(): Promise<number> {
  return (await server.get("/api/workflows/runs?limit=200")).body.runs.length;
}

test("71: unknown slug 404, method 405, content type 400, one byte too many 413, in that order and before auth", async () => {
  const large = Buffer.alloc(1_048_577, 32);
  const text = { "content-type": "text/html" };
  expect(await send("nobody", large, text, "PUT")).toMatchObject({ status: 404, body: { error: "webhook not found" } });
  const method = await send("github", large, text, "PUT");
  expect(method).toMatchObject({ status: 405, body: { error: "method not allowed for webhook" } });
  expect(method.headers.get("allow")).toBe("POST");
  expect(await send("github", large, text)).toMatchObject({
    status: 400,
    body: { error: "unsupported webhook content type" },
  });
  expect((await send("github", large)).status).toBe(413);
  const whole = Buffer.from(`"${"x".repeat(1_048_574)}"`);
  expect((await send("github", whole, github(whole))).status).toBe(202);
});

test("72: a new delivery is 202, the same again 200 with the same ids", async () => {
  const headers = { ...github("{}"), "x-github-delivery": "72" };
  const first = await send("github", "{}", headers);
  expect(first).toMatchObject({ status: 202, body: { idempotent: false } });
  expect(await send("github", "{}", headers)).toMatchObject({ status: 200, body: { ...first.body, idempotent: true } });
});

test("73: a GitHub signature, one flipped bit, none at all", async () => {
  const { "x-hub-signature-256": good } = github('{"n":73}');
  expect((await send("github", '{"n":73}', { "x-hub-signature-256": good! })).status).toBe(202);
  const bad = await send("github", '{"n":73}', { "x-hub-signature-256": flip(good!) });
  expect(bad).toMatchObject({ status: 401, body: { ok: false, error: "invalid webhook signature" } });
  expect(await send("github", '{"n":73}')).toMatchObject({ status: 401, body: { error: "missing webhook signature" } });
});

test("74: github_hmac is github, and name is header", async () => {
  const answer = await send("aliases", '{"n":74}', { ...github('{"n":74}'), "x-id": "i-74" });
  expect(answer.status).toBe(202);
  const { deliveries } = (await server.get("/api/workflows/deliveries?slug=aliases")).body;
  expect(deliveries[0].key).toBe("webhook:aliases:x-id:i-74");
});

test("75: hmac with a header, no prefix and base64 of choice; hex in upper case", async () => {
  expect((await send("custom", '{"n":75}', { "x-my-sig": mac('{"n":75}', "base64") })).status).toBe(202);
  const upper = { "x-webhook-signature": `sha256=${mac('{"n":75}').toUpperCase()}` };
  expect((await send("hex", '{"n":75}', upper)).status).toBe(202);
});

test("76: standard webhooks: 301 s either way are too many, and one good signature of several is enough", async () => {
  const post = (at: number, signatures: (good: string) => string): Promise<Answer> => {
    const text = `msg_76.${at}.{"n":${at}}`;
    const good = `v1,${createHmac("sha256", STANDARD_KEY).update(text).digest("base64")}`;
    const headers = { "webhook-id": "msg_76", "webhook-timestamp": String(at), "webhook-signature": signatures(good) };
    return send("standard", `{"n":${at}}`, headers);
  };
  const now = Math.floor(Date.now() / 1_000);
  expect((await post(now - 302, (good) => good)).status).toBe(401);
  expect((await post(now + 330, (good) => good)).status).toBe(401);
  expect((await post(now - 290, (good) => good)).status).toBe(202);
  expect((await post(now, (good) => `v2,abc v1,${Buffer.alloc(32).toString("base64")} ${good}`)).status).toBe(202);
});

test("77: bearer with and without its word", async () => {
  for (const [n, value] of [`Bearer ${SECRET}`, `bearer ${SECRET}`, SECRET].entries())
    expect((await send("bearer", `{"n":"77-${n}"}`, { authorization: value })).status).toBe(202);
  expect((await send("bearer", "{}", { authorization: "Bearer other" })).status).toBe(401);
});

test("78: a secret that is unset, empty or blank is 503 with a reason and no run, also for a hash under an empty key", async () => {
  const before = await runCount();
  const forged = `sha256=${createHmac("sha256", "").update("{}").digest("hex")}`;
  for (const [slug, name] of [
    ["unset", "NEVER_SET"],
    ["empty", "EMPTY_SECRET"],
    ["blank", "BLANK_SECRET"],
  ] as const) {
    const answer = await send(slug, "{}", { "x-hub-signature-256": forged });
    expect(answer).toMatchObject({ status: 503, body: { ok: false, error: expect.stringContaining(name) } });
    expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(0);
  }
  expect(await runCount()).toBe(before);
});

test("79: no secret header is in the envelope, nor the webhook's own, and names are in lower case", async () => {
  const names = [
    "authorization",
    "cookie",
    "x-api-key",
    "x-centaur-api-key",
    "x-hub-signature",
    "x-hub-signature-256",
    "x-slack-signature",
    "webhook-signature",
    "stripe-signature",
  ];
  const headers = Object.fromEntries(names.map((name) => [name.toUpperCase(), "private-79"]));
  const answer = await send("custom", '{"n":79}', {
    ...headers,
    "X-My-Sig": mac('{"n":79}', "base64"),
    "X-Kept": "yes",
  });
  const hook = await envelope(answer);
  for (const name of [...names, "x-my-sig"]) expect([name, hook["headers"][name]]).toEqual([name, "[redacted]"]);
  expect(hook["headers"]["x-kept"]).toBe("yes");
  const { body } = await server.get(`/api/workflows/deliveries/${answer.headers.get("x-chiron-delivery")}`);
  expect(JSON.stringify(body)).not.toContain("private-79");
});

test("80: keys by header, by static value, by hash; a header that is absent falls back to the hash", async () => {
  const sha = (body: string): string => createHash("sha256").update(body).digest("hex");
  await send("github", '{"n":80}', { ...github('{"n":80}'), "x-github-delivery": "d-80" });
  await send("github", '{"n":"80-hash"}', github('{"n":"80-hash"}'));
  await send("static", '{"n":1}');
  expect((await send("static", '{"n":2}')).body["idempotent"]).toBe(true);
  await send("open", '{"n":80}');
  const keys = (await server.get("/api/workflows/deliveries?limit=200")).body.deliveries.map((one: any) => one.key);
  expect(keys).toEqual(
    expect.arrayContaining([
      "webhook:github:x-github-delivery:d-80",
      `webhook:github:${sha('{"n":"80-hash"}')}`,
      "webhook:static:once",
      `webhook:open:${sha('{"n":80}')}`,
    ]),
  );
});

test("81: a form's payload as JSON, another form as an object, repeats as lists, nothing as {}", async () => {
  const form = { "content-type": "application/x-www-form-urlencoded; charset=utf-8" };
  const payload = 'payload={"a":"81"}&x=1';
  expect((await envelope(await send("github", payload, { ...form, ...github(payload) })))["body"]).toEqual({ a: "81" });
  expect((await envelope(await send("open", "a=1&b=2&a=81", form)))["body"]).toEqual({ a: ["1", "81"], b: "2" });
  expect((await envelope(await send("open", "")))["body"]).toEqual({});
  expect((await envelope(await send("open", "plain 81", { "content-type": "text/plain" })))["body"]).toBe("plain 81");
  expect((await send("open", "{81")).body["error"]).toBe("invalid JSON webhook body");
});

test("82, 85: raw_body_sha256, method, path, query, and source_ip", async () => {
  const body = '{"n" : 82}';
  const hook = await envelope(await send("open?a=1&b=2&a=3", body));
  expect(hook).toMatchObject({
    slug: "open",
    provider: null,
    method: "POST",
    path: "/api/webhooks/open",
    query: { a: ["1", "3"], b: "2" },
    body: { n: 82 },
    raw_body_sha256: createHash("sha256").update(body).digest("hex"),
    source_ip: "127.0.0.1",
  });
});

test("83: what a filter does not want is 200 and no run; only texts match, keys walk through objects", async () => {
  const before = await runCount();
  const wanted = (body: string, event = "a") => send("filtered", body, { "x-event": event });
  const misses = ['{"deep":{"er":1}}', '{"deep":[{"er":"x"}]}', '{"text":"none"}', "[]", '"x"', '{"deep.er":"x"}'];
  for (const body of misses)
    expect(await wanted(body)).toMatchObject({ status: 200, body: { ok: true, filtered: true } });
  expect((await wanted('{"deep":{"er":"x"}}', "c")).body).toEqual({ ok: true, filtered: true });
  expect(await runCount()).toBe(before);
  for (const body of ['{"deep":{"er":"x"}}', '{"text":"a mid b"}', '{"text":"  \\nstart"}'])
    expect((await wanted(body, "b")).status).toBe(202);
});

test("84: a bad spec costs its own webhook, is named with file and reason, and nothing else", async () => {
  const { problems, workflows } = (await server.get("/api/workflows")).body;
  const about = problems.filter((one: any) => one.path.endsWith("bad.py"));
  expect(about.map((one: any) => one.message).join("\n")).toMatch(
    /slug[\s\S]*unknown auth type|unknown auth type[\s\S]*slug/,
  );
  expect(workflows.map((one: any) => one.workflow_name)).toContain("bad");
  expect((await send("bad-auth", "{}")).status).toBe(404);
});

describe("around the list", () => {
  test("4.7: a workflow that is not enabled is not imported, so nobody knows its slug", async () => {
    expect(await send("closed", '{"a":"wanted"}')).toMatchObject({ status: 404, body: { error: "webhook not found" } });
  });

  test("the public name opens the webhooks and nothing else, and a foreign name is told what to do", async () => {
    const as = (host: string, path: string): Promise<string> =>
      exchange([`POST ${path} HTTP/1.1\r\nhost: ${host}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n`]);
    expect(await as("flows.example.com", "/api/webhooks/open")).toMatch(/^HTTP\/1\.1 20[02]/);
    expect(await as("flows.example.com", "/api/workflows/reload")).toMatch(/^HTTP\/1\.1 403/);
    const foreign = await as("evil.example", "/api/webhooks/open");
    expect(foreign).toMatch(/^HTTP\/1\.1 403/);
    expect(foreign).toContain("public_url");
  });

  test("requests that come in one piece are answered each, in order; a body that breaks off starts nothing", async () => {
    const post = (body: string, end = ""): string =>
      `POST /api/webhooks/open HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n${end}\r\n${body}`;
    const both = await exchange([post('{"pipe":1}') + post("{pipe") + post('{"pipe":2}', "connection: close\r\n")]);
    expect(both.match(/HTTP\/1\.1 \d{3}/g)).toEqual(["HTTP/1.1 202", "HTTP/1.1 400", "HTTP/1.1 202"]);
    const before = await runCount();
    await exchange([post('{"cut":1}').slice(0, -4)], true);
    expect((await send("static", "{}")).body["idempotent"]).toBe(true);
    expect(await runCount()).toBe(before);
  });
});

/** Sends the pieces and answers everything that came back until the server ended the connection. */
function exchange(pieces: readonly string[], half = false): Promise<string> {
  return new Promise((resolve) => {
    const socket = net.connect(Number(new URL(server.url).port), "127.0.0.1");
    let said = "";
    socket.on("data", (chunk) => (said += chunk.toString("latin1")));
    socket.on("error", () => undefined);
    socket.on("close", () => resolve(said));
    for (const piece of pieces) socket.write(piece);
    if (half) socket.end();
  });
}
