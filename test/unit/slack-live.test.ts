// Slack over HTTP, against a real local server: what is sent, and what each kind of bad answer becomes.
import { createServer, type AddressInfo } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { TaskId } from "../../src/core/ids.ts";
import { REAL_CLOCK } from "../../adapters/node/real-clock.ts";
import { createLiveSlack, type LiveSlackDeps } from "../../src/effects/slack/live-slack.ts";
import type { EffectContext } from "../../src/ports/effects.ts";
import { reply, startSlack, type SlackServer } from "../support/slack-server.ts";

const TOKEN = "xoxb-very-secret";
let slack: SlackServer;

beforeEach(async () => {
  slack = await startSlack();
});
afterEach(() => slack.close());

function contextOf(signal: AbortSignal = new AbortController().signal): EffectContext {
  const taskId = "0b54d6bb-6bbb-4f1a-8d5e-5c1f5b0f9a01" as TaskId;
  return { taskId, runId: taskId, workflowName: "w", ordinal: "1", harnessType: null, signal };
}

const call = (method: string, body: object, deps: Partial<LiveSlackDeps> = {}, signal?: AbortSignal) =>
  createLiveSlack({ apiUrl: slack.url, token: TOKEN, clock: REAL_CLOCK, ...deps }).call(
    method,
    { ...body },
    contextOf(signal),
  );

async function failure(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  expect(error).toMatchObject({ name: "ChironError", code: "upstream" });
  const { message, hint } = error as { message: string; hint?: string };
  expect(`${message} ${hint}`).not.toContain(TOKEN);
  return message;
}

test("a call goes out with the token and comes back with Slack's answer", async () => {
  const answer = await call("chat.postMessage", { channel: "C1", text: "hi" });
  expect(answer).toMatchObject({ ok: true, channel: "C1" });
  expect(slack.requests).toEqual([
    { method: "chat.postMessage", token: `Bearer ${TOKEN}`, body: { channel: "C1", text: "hi" } },
  ]);
});

test("Slack's refusal is an error with its reason, and a hint for the common ones", async () => {
  slack.next(reply(200, { ok: false, error: "not_in_channel" }));
  await expect(call("chat.postMessage", { channel: "C1" })).rejects.toMatchObject({
    message: "Slack refused chat.postMessage to C1: not_in_channel",
    hint: expect.stringContaining("/invite"),
  });
  slack.next(reply(200, { ok: false, error: "missing_scope", needed: "chat:write" }));
  expect(await failure(call("chat.update", { channel: "C1" }))).toContain("missing_scope (needs chat:write)");
  slack.next(reply(200, { ok: false, error: "invalid_blocks", response_metadata: { messages: ["no such block"] } }));
  expect(await failure(call("chat.update", {}))).toBe("Slack refused chat.update: invalid_blocks (no such block)");
  slack.next(reply(500, { ok: false }));
  expect(await failure(call("chat.update", {}))).toContain("HTTP 500 without a reason");
});

test("a rate limit is waited for as long as Slack says", async () => {
  slack.next(reply(429, "", { "retry-after": "0.05" }));
  slack.next(reply(429, { ok: false, error: "ratelimited" }, { "retry-after": "0" }));
  slack.next(reply(200, { ok: false, error: "ratelimited" }, { "retry-after": "0" }));
  const before = performance.now();
  expect(await call("chat.postMessage", { channel: "C1", text: "hi" })).toMatchObject({ ok: true });
  expect(performance.now() - before).toBeGreaterThanOrEqual(50);
  expect(slack.requests).toHaveLength(4);
});

test("a rate limit that asks for too much patience, or never ends, is an error", async () => {
  slack.next(reply(429, "", { "retry-after": "3600" }));
  expect(await failure(call("chat.postMessage", { channel: "C1" }))).toContain("wants the next try in 3600 s");
  expect(slack.requests).toHaveLength(1);
  for (let count = 0; count < 6; count += 1) slack.next(reply(429, "", { "retry-after": "0" }));
  expect(await failure(call("chat.postMessage", { channel: "C1" }))).toContain("rate limited 6 times");
});

test("an answer that is not Slack's is told with its status and its beginning", async () => {
  slack.next(reply(502, `<html>bad gateway ${TOKEN}</html>`));
  const message = await failure(call("chat.postMessage", { channel: "C1" }));
  expect(message).toBe(
    "Slack chat.postMessage: HTTP 502 with an answer that is not Slack's (text/html): <html>bad gateway ***</html>",
  );
  slack.next(reply(200, "[]"));
  expect(await failure(call("chat.update", {}))).toContain("HTTP 200 with an answer that is not Slack's");
  slack.next((_, response) => response.writeHead(302, { location: "http://127.0.0.1:1/steal" }).end());
  expect(await failure(call("chat.update", {}))).toContain("HTTP 302");
  slack.next(reply(200, "x".repeat(5 * 1024 * 1024)));
  expect(await failure(call("chat.update", {}))).toContain("larger than");
});

test("a server that does not answer in time, breaks off, or is not there is told so", async () => {
  slack.next(() => undefined);
  expect(await failure(call("chat.postMessage", {}, { timeoutMs: 50 }))).toContain("no answer within 0.05 s");
  slack.next((_, response) => response.destroy());
  expect(await failure(call("chat.postMessage", {}))).toContain("Slack chat.postMessage:");
  const closed = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => closed.once("listening", resolve));
  const { port } = closed.address() as AddressInfo;
  await new Promise((resolve) => closed.close(resolve));
  const gone = call("chat.postMessage", {}, { apiUrl: `http://127.0.0.1:${port}/api` });
  expect(await failure(gone)).toContain("ECONNREFUSED");
});

test("a run that ends stops its call, also one that waits for a rate limit", async () => {
  const ending = new AbortController();
  slack.next(() => undefined);
  const open = failure(call("chat.postMessage", {}, {}, ending.signal));
  await slack.request(1);
  ending.abort();
  expect(await open).toContain("the run ended before Slack answered");
  const later = new AbortController();
  slack.next(reply(429, "", { "retry-after": "30" }));
  const waits = failure(call("chat.postMessage", {}, {}, later.signal));
  await slack.request(2);
  setImmediate(() => later.abort());
  expect(await waits).toContain("the run ended");
});
