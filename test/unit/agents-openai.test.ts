// The backend `openai` against a chat endpoint on a real socket.
import http from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openAgents, refusal, type AgentBench } from "../support/agent-bench.ts";

type Answer = (response: http.ServerResponse, times: number) => void;

let server: http.Server;
let url: string;
let answer: Answer;
let asked: {
  readonly body: Record<string, unknown>;
  readonly headers: http.IncomingHttpHeaders;
  readonly url: string;
}[];

beforeEach(async () => {
  asked = [];
  server = http.createServer(async (request, response) => {
    let text = "";
    for await (const part of request) text += String(part);
    asked.push({ body: JSON.parse(text) as Record<string, unknown>, headers: request.headers, url: request.url! });
    answer(response, asked.length);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
});

afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

function open(settings = "", env: Record<string, string> = { CHAT_KEY: "k" }): AgentBench {
  return openAgents(
    "/",
    `[agents]\nbackend = "chat"\n[agents.backends.chat]\nkind = "openai"\nbase_url = "${url}"\nmodel = "m"\nkey_env = "CHAT_KEY"\n${settings}`,
    env,
  );
}

const chunk = (content: string, finish: string | null = null): string =>
  `data: ${JSON.stringify({ id: "c1", choices: [{ delta: { content }, finish_reason: finish }] })}\n\n`;

function stream(response: http.ServerResponse, ...chunks: string[]): void {
  response.writeHead(200, { "content-type": "text/event-stream" });
  for (const one of chunks) response.write(one);
}

test("an answer is streamed, line by line", async () => {
  answer = (response) => {
    stream(response, chunk("first "), chunk("line\nsecond"), chunk("", "stop"), "data: [DONE]\n\n");
    response.end();
  };
  const told: string[] = [];
  const { turn } = open('system = "Be brief."');
  const result = await turn({ text: "hello", effort: "low" }, { line: (line) => told.push(line) });
  expect(result).toMatchObject({
    execution_id: "openai:c1",
    result_text: "first line\nsecond",
    output_lines: ["first line", "second"],
  });
  expect(told).toEqual(["first line", "second"]);
  expect(asked[0]).toMatchObject({
    url: "/v1/chat/completions",
    headers: { authorization: "Bearer k", "idempotency-key": expect.stringContaining("absurd-workflow-agent-turn:") },
    body: {
      model: "m",
      stream: true,
      reasoning_effort: "low",
      messages: [
        { role: "system", content: "Be brief." },
        { role: "user", content: "hello" },
      ],
    },
  });
});

test("content parts and the call's own model are passed on", async () => {
  answer = (response) => {
    stream(response, chunk("ok", "stop"));
    response.end();
  };
  const parts = [{ type: "text", text: "a" }];
  await open().turn({ content: parts, model: "other" });
  expect(asked[0]!.body).toMatchObject({ model: "other", messages: [{ role: "user", content: parts }] });
});

test("a service that does not stream is understood, too", async () => {
  answer = (response) => {
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify({ id: "x", choices: [{ message: { content: "whole" } }] }));
  };
  expect((await open().turn({ text: "x" })).result_text).toBe("whole");
});

test("a rate limit is waited out, and named when it does not end", async () => {
  answer = (response, times) => {
    if (times <= 2) {
      response.writeHead(429, { "retry-after": "0" });
      return void response.end("slow down");
    }
    stream(response, chunk("ok", "stop"));
    response.end();
  };
  expect((await open().turn({ text: "x" })).result_text).toBe("ok");
  answer = (response) => {
    response.writeHead(429, { "retry-after": "0" });
    response.end("slow down");
  };
  expect(await refusal(open().turn({ text: "x" }))).toMatch(/answered 429: slow down.*rate limit/);
});

test("an answer that breaks off is asked for again, and its beginning is not told twice in the result", async () => {
  answer = (response, times) => {
    stream(response, chunk("half"));
    if (times < 3) return void setImmediate(() => response.destroy());
    response.write(chunk(" and half", "stop"));
    response.end();
  };
  expect((await open().turn({ text: "x" })).result_text).toBe("half and half");
  expect(asked).toHaveLength(3);
  expect(new Set(asked.map((one) => one.headers["idempotency-key"])).size).toBe(1);
});

test("an answer that always breaks off is a named error", async () => {
  answer = (response) => {
    stream(response, chunk("half"));
    response.end();
  };
  expect(await refusal(open().turn({ text: "x" }))).toContain("the answer broke off 3 times");
});

test.each<[string, Answer, RegExp]>([
  ["HTML", (response) => response.end("<html>no</html>"), /not JSON: <html>no.*base_url/],
  ["a wrong key", (response) => response.writeHead(401).end("bad key"), /answered 401: bad key.*CHAT_KEY/],
  ["an unknown model", (response) => response.writeHead(404).end("no model"), /answered 404.*Is there a model m/],
  [
    "an error in the stream",
    (response) => {
      stream(response, 'data: {"error":{"message":"overloaded"}}\n\n');
      response.end();
    },
    /: overloaded$/,
  ],
  [
    "a refusal to answer",
    (response) => {
      stream(response, chunk("", "content_filter"));
      response.end();
    },
    /answered nothing \(finish_reason content_filter\)/,
  ],
])("%s is a named error", async (_name, how, told) => {
  answer = how;
  expect(await refusal(open().turn({ text: "x" }))).toMatch(told);
});

test("an endless answer is bounded, a silent one has its time", async () => {
  answer = (response) => {
    stream(response);
    const more = (): void => {
      while (!response.destroyed && response.write(chunk("x".repeat(10_000))));
    };
    response.on("drain", more);
    more();
  };
  expect(await refusal(open().turn({ text: "x" }))).toMatch(/more than 8388608 bytes/);
  answer = (response) => stream(response, chunk("then nothing"));
  expect(await refusal(open().turn({ text: "x", idle_timeout_ms: 100 }))).toContain("said nothing for 100 ms");
});

test("a missing key or model says which variable or setting it was looked for in", async () => {
  expect(await refusal(open("", {}).turn({ text: "x" }))).toContain("CHAT_KEY is not set");
  const bare = openAgents("/", '[agents]\nbackend = "openai"\n[agents.backends.openai]\n', { OPENAI_API_KEY: "k" });
  expect(await refusal(bare.turn({ text: "x" }))).toContain("no model is named");
});
