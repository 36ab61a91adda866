// Webhooks through the real process: real HTTP, real Python, real signatures.
import { createHash, createHmac } from "node:crypto";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, expect, test } from "vitest";
import { makeProject, startChiron, type Chiron, type Project } from "../support/chiron-process.ts";

const SECRET = "It's a Secret to Everybody";
const TRIAGE = `
WORKFLOW_NAME = "triage"
WEBHOOKS = [
    {
        "slug": "github-triage",
        "provider": "github",
        "auth": {"type": "github_hmac", "secret_ref": "GITHUB_WEBHOOK_SECRET"},
        "trigger_key": {"type": "header", "name": "X-GitHub-Delivery"},
    },
    {"slug": "unset", "auth": {"type": "bearer", "secret_ref": "NEVER_SET"}},
    {"slug": "wanted", "filter": {"source": "body", "key": "action", "op": "equals", "value": "opened"}},
    {"slug": "slack", "auth": {"type": "slack", "secret_ref": "SLACK_SIGNING_SECRET"}},
]


async def handler(inp, ctx):
    hook = inp["webhook"]
    return {"action": hook["body"].get("action"), "headers": hook["headers"], "number": str(hook["body"].get("n"))}
`;

let project: Project;
let server: Chiron;

beforeEach(async () => {
  project = makeProject({ "workflows/triage.py": TRIAGE });
  server = await startChiron(project, { GITHUB_WEBHOOK_SECRET: SECRET, SLACK_SIGNING_SECRET: "s1" });
});

afterEach(async () => {
  await server.kill();
  project.remove();
});

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Record<string, any>;
}

async function send(slug: string, body: string | Buffer, headers: Record<string, string> = {}): Promise<Answer> {
  const init = {
    method: "POST",
    body: new Uint8Array(Buffer.from(body)),
    headers: { "content-type": "application/json", ...headers },
  };
  const response = await fetch(`${server.url}/api/webhooks/${slug}`, init);
  const text = await response.text();
  const isJson = response.headers.get("content-type") === "application/json";
  return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : { text } };
}

const signed = (body: string | Buffer): Record<string, string> => ({
  "x-hub-signature-256": `sha256=${createHmac("sha256", SECRET).update(body).digest("hex")}`,
});

test("a delivery starts a run, the same one again answers with the same ids, and other bytes under its id are flagged", async () => {
  const body = '{"action":"opened","n":12345678901234567890}';
  const headers = { ...signed(body), "x-github-delivery": "d-1" };
  const first = await send("github-triage", body, headers);
  expect(first.status).toBe(202);
  expect(first.body).toMatchObject({ ok: true, workflow_name: "triage", status: "queued", idempotent: false });
  const again = await send("github-triage", body, headers);
  expect(again.status).toBe(200);
  expect(again.body).toEqual({ ...first.body, idempotent: true });
  const other = '{"action":"closed"}';
  const changed = await send("github-triage", other, { ...signed(other), "x-github-delivery": "d-1" });
  expect(changed.body["task_id"]).toBe(first.body["task_id"]);
  const run = await server.finished(first.body["run_id"]);
  expect(run.result.output).toMatchObject({ action: "opened", number: "12345678901234567890" });
  expect(run.result.output.headers["x-hub-signature-256"]).toBe("[redacted]");
  expect(run).toMatchObject({ cause: { kind: "webhook", ref: first.headers.get("x-chiron-delivery") } });
  const { deliveries } = (await server.get("/api/workflows/deliveries")).body;
  expect(deliveries.map((one: any) => [one.outcome, one.same_body])).toEqual([
    ["duplicate", false],
    ["duplicate", true],
    ["accepted", true],
  ]);
  expect(JSON.stringify(deliveries)).not.toContain("sha256=");
});

test("what does not verify starts nothing, and its owner can see why", async () => {
  const body = "{}";
  const { "x-hub-signature-256": signature } = signed(body);
  const flipped = signature!.slice(0, -1) + (signature!.endsWith("0") ? "1" : "0");
  expect(await send("nobody", body)).toMatchObject({ status: 404, body: { error: "webhook not found" } });
  expect(await send("github-triage", body)).toMatchObject({
    status: 401,
    body: { error: "missing webhook signature" },
  });
  const bad = await send("github-triage", body, { "x-hub-signature-256": flipped });
  expect(bad).toMatchObject({ status: 401, body: { error: "invalid webhook signature" } });
  const unset = await send("unset", body, { authorization: "Bearer " });
  expect(unset.status).toBe(503);
  expect(Number(unset.headers.get("retry-after"))).toBeGreaterThan(0);
  expect(unset.body["error"]).toContain("NEVER_SET");
  expect((await server.get("/api/workflows/runs")).body.runs).toEqual([]);
  const delivery = (await server.get(`/api/workflows/deliveries/${bad.headers.get("x-chiron-delivery")}`)).body
    .delivery;
  expect(delivery).toMatchObject({ outcome: "rejected", status: 401, task_id: null });
  expect(delivery.checks.at(-1)).toMatchObject({ check: "signature", ok: false });
  const { webhooks } = (await server.get("/api/workflows/webhooks")).body;
  expect(webhooks.find((one: any) => one.slug === "unset").secrets).toEqual([{ name: "NEVER_SET", state: "missing" }]);
});

test("a filter keeps out what is not wanted, and a handshake is answered without a run", async () => {
  expect(await send("wanted", '{"action":"closed"}')).toMatchObject({
    status: 200,
    body: { ok: true, filtered: true },
  });
  const hello = '{"type":"url_verification","challenge":"3eZbrw1aBm2"}';
  const at = String(Math.floor(Date.now() / 1_000));
  const signature = `v0=${createHmac("sha256", "s1").update(`v0:${at}:${hello}`).digest("hex")}`;
  const answer = await send("slack", hello, { "x-slack-request-timestamp": at, "x-slack-signature": signature });
  expect(answer).toMatchObject({ status: 200, body: { text: "3eZbrw1aBm2" } });
  expect((await server.get("/api/workflows/runs")).body.runs).toEqual([]);
  expect(await send("wanted", '{"action":"opened"}')).toMatchObject({ status: 202 });
});

test("bodies are limited as sent and as decoded, and decoded before they are verified", async () => {
  const body = JSON.stringify({ action: "opened", pad: "x".repeat(2_000) });
  const packed = gzipSync(body);
  const sent = await send("github-triage", packed, { ...signed(body), "content-encoding": "gzip" });
  expect(sent.status).toBe(202);
  expect((await send("github-triage", Buffer.alloc(1_048_577, 32))).status).toBe(413);
  expect((await send("github-triage", gzipSync(Buffer.alloc(50_000_000)), { "content-encoding": "gzip" })).status).toBe(
    413,
  );
  expect((await send("github-triage", "not gzip", { "content-encoding": "gzip" })).status).toBe(400);
  expect((await send("github-triage", body, { "content-encoding": "zstd" })).status).toBe(400);
});

test("a kept delivery can be read as it came, and delivered again", async () => {
  const body = '{"action" : "opened"}';
  const first = await send("github-triage", body, { ...signed(body), "x-github-delivery": "d-2" });
  const id = first.headers.get("x-chiron-delivery");
  const raw = await fetch(`${server.url}/api/workflows/deliveries/${id}/body`);
  expect(raw.headers.get("content-type")).toBe("application/octet-stream");
  const bytes = Buffer.from(await raw.arrayBuffer());
  expect(createHash("sha256").update(bytes).digest("hex")).toBe(createHash("sha256").update(body).digest("hex"));
  const same = await server.post(`/api/workflows/deliveries/${id}/replay`, {});
  expect(same.body).toMatchObject({ task_id: first.body["task_id"], idempotent: true });
  const anew = await server.post(`/api/workflows/deliveries/${id}/replay`, { new_run: true });
  expect(anew.body).toMatchObject({ idempotent: false });
  expect((await server.finished(anew.body.run_id)).result.output.action).toBe("opened");
});

test("what was acknowledged survives kill -9, with its delivery", async () => {
  const body = '{"action":"opened"}';
  const acknowledged = await Promise.all(
    Array.from({ length: 40 }, (_, n) =>
      send("github-triage", body, { ...signed(body), "x-github-delivery": `k-${n}` }),
    ),
  );
  await server.kill();
  server = await startChiron(project, { GITHUB_WEBHOOK_SECRET: SECRET });
  for (const { status, body: answer } of acknowledged) {
    expect(status).toBe(202);
    expect((await server.finished(answer["run_id"])).result.output.action).toBe("opened");
  }
  const again = await send("github-triage", body, { ...signed(body), "x-github-delivery": "k-7" });
  expect(again.body).toEqual({ ...acknowledged[7]!.body, idempotent: true });
});

test("an edit of another webhook leaves this one serving, and a bad one is named with its file", async () => {
  const reloaded = server.nextEvent((event) => event["type"] === "catalog.reloaded");
  const other = project.write(
    "workflows/other.py",
    TRIAGE.replace('"triage"', '"other"').replaceAll('"slug": "', '"slug": "o-').replace("github_hmac", "telepathy"),
  );
  await reloaded;
  await server.post("/api/workflows/reload", {});
  const { problems } = (await server.get("/api/workflows")).body;
  expect(problems).toEqual([expect.objectContaining({ path: other, kind: "webhook", severity: "error" })]);
  expect(await send("o-wanted", '{"action":"opened"}')).toMatchObject({ status: 202 });
  expect((await send("o-github-triage", "{}")).status).toBe(404);
  const body = "{}";
  expect((await send("github-triage", body, signed(body))).status).toBe(202);
});
