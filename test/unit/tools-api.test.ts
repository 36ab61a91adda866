// The tool API proxy as it should not be: every bad answer becomes an error that names the tool and shows what came.
import http from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { VirtualClock } from "../../adapters/node/virtual-clock.ts";
import type { TaskId } from "../../src/core/ids.ts";
import { toJsonText, type JsonText } from "../../src/core/json-text.ts";
import { createTools } from "../../src/effects/tools/tools.ts";
import type { EffectContext } from "../../src/ports/effects.ts";

interface Request {
  readonly url: string;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

type Reply = (response: http.ServerResponse, count: number) => void;

let server: http.Server;
let requests: Request[] = [];
let reply: Reply = () => undefined;
let url = "";
const clock = new VirtualClock(Date.UTC(2026, 0, 1));

beforeEach(async () => {
  requests = [];
  server = http.createServer((request, response) => {
    let body = "";
    request.on("data", (part: Buffer) => (body += part.toString()));
    request.on("end", () => {
      requests.push({ url: request.url!, headers: request.headers, body });
      reply(response, requests.length);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const context: EffectContext = {
  taskId: "task-1" as TaskId,
  runId: "run-1",
  workflowName: "w",
  ordinal: "3",
  harnessType: null,
  signal: new AbortController().signal,
};
const tools = (more: object = {}, apiUrl = `${url}/`) =>
  createTools({
    clock,
    env: { PATH: "" },
    settings: { mode: "live", stubs: undefined, apiUrl, program: null, timeoutMs: 5_000, ...more },
  });
const call = (args: object = { tool: "git hub", method: "search" }, signal = context.signal, more: object = {}) =>
  tools(more).call("ctx.call_tool", toJsonText(args), { ...context, signal }, () => undefined);
const answers = (status: number, body: string, headers: http.OutgoingHttpHeaders = {}): void => {
  reply = (response) => response.writeHead(status, headers).end(body);
};

test("the arguments are posted as they are and the answer comes back as it is, with a key that is the same for every attempt", async () => {
  answers(200, '{"big": 12345678901234567890}\n');
  const text = '{"tool":"github","method":"search","args":{"n":1.0}}' as JsonText;
  expect(await tools().call("ctx.call_tool", text, context, () => undefined)).toBe('{"big": 12345678901234567890}');
  const [request] = requests;
  expect(request).toMatchObject({ url: "/tools/github/search", body: '{"n":1.0}' });
  expect(request!.headers["idempotency-key"]).toBe("absurd-workflow-tool:task-1:3");
});

test("no arguments are an empty object", async () => {
  answers(200, "null");
  expect(await call({ tool: "a", method: "b", args: null })).toBe("null");
  expect(requests[0]!.body).toBe("{}");
});

test.each([
  [500, "boom", "tool a.b: the tool API answered 500: boom"],
  [404, "", "tool a.b: the tool API answered 404: nothing"],
  [
    502,
    "<!DOCTYPE html><style>x{}</style><h1>Bad gateway</h1>",
    "tool a.b: the tool API answered 502: a page of HTML: Bad gateway",
  ],
  [
    200,
    "<html><body>Please log in</body></html>",
    "tool a.b: the tool API did not answer with JSON but with a page of HTML: Please log in",
  ],
  [200, '{"half":', 'tool a.b: the tool API did not answer with JSON but with {"half":'],
  [200, "", "tool a.b: the tool API did not answer with JSON but with nothing"],
])("a %i with %j is named", async (status, body, message) => {
  answers(status, body);
  await expect(call({ tool: "a", method: "b" })).rejects.toMatchObject({ code: "upstream", message });
});

test("a proxy that asks for patience is asked again when it said", async () => {
  reply = (response, count) =>
    count < 3 ? response.writeHead(429, { "retry-after": "20" }).end("slow down") : response.end("1");
  const asked = call({ tool: "a", method: "b" });
  for (const count of [1, 2]) {
    await expect.poll(() => requests.length).toBe(count);
    await expect.poll(() => clock.nextWake()).not.toBeNull();
    await clock.advance(20_000);
  }
  expect(await asked).toBe("1");
});

test("patience has an end, and its length is told", async () => {
  answers(429, "slow down", { "retry-after": "3600" });
  await expect(call({ tool: "a", method: "b" })).rejects.toThrow(
    "tool a.b: the tool API answered 429; it asks for 3600 s of patience: slow down",
  );
  expect(requests).toHaveLength(1);
});

test("silence ends by the limit of time, and with the run", async () => {
  reply = () => undefined;
  await expect(call({ tool: "a", method: "b" }, context.signal, { timeoutMs: 50 })).rejects.toThrow(
    /tool a\.b: the tool API at .* did not answer: nothing within 0.05 s/,
  );
  const run = new AbortController();
  const asked = call({ tool: "a", method: "b" }, run.signal);
  await expect.poll(() => requests.length).toBe(2);
  run.abort();
  await expect(asked).rejects.toThrow("did not answer");
});

test("an endless answer is cut off", async () => {
  reply = (response) => {
    const part = Buffer.alloc(1 << 20, "x");
    const more = (): void => {
      while (!response.destroyed && response.write(part)) continue;
    };
    response.on("drain", more);
    more();
  };
  await expect(call({ tool: "a", method: "b" })).rejects.toThrow("more than 16777216 bytes");
});

test("a proxy that is not there is named with the reason", async () => {
  const asked = createTools({
    clock,
    env: { PATH: "" },
    settings: { mode: "live", stubs: undefined, apiUrl: "http://127.0.0.1:1", program: null, timeoutMs: 5_000 },
  }).call("ctx.call_tool", toJsonText({ tool: "a", method: "b" }), context, () => undefined);
  await expect(asked).rejects.toThrow(
    /tool a\.b: the tool API at http:\/\/127\.0\.0\.1:1 did not answer: .*(ECONNREFUSED|bad port)/,
  );
});

test.each([
  [{ method: "b" }, "call_tool needs a non-empty tool"],
  [{ tool: "../x", method: "b" }, 'call_tool: "../x" is not a name'],
  [{ tool: "a", method: "--help" }, 'call_tool: "--help" is not a name'],
  [{ tool: "a", method: "b", args: [1] }, "tool a.b: its arguments must be an object"],
])("%j is refused", async (args, message) => {
  await expect(call(args)).rejects.toMatchObject({ code: "bad_request", message });
});

test("time.now needs no tool API", async () => {
  const value = await tools({}, "").call(
    "ctx.call_tool",
    toJsonText({ tool: "time", method: "now" }),
    context,
    () => undefined,
  );
  expect(JSON.parse(value)).toEqual({
    now: new Date(clock.now()).toISOString(),
    unix: Math.floor(clock.now() / 1_000),
  });
});
