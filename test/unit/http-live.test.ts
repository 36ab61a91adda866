// Server-sent events: a run followed to its end, the whole bus, bounds, and streams that end with the server. Over real sockets.
import { once } from "node:events";
import http from "node:http";
import { afterEach, expect, test } from "vitest";
import type { RuntimeEvent } from "../../src/core/bus.ts";
import type { JsonText } from "../../src/core/json-text.ts";
import * as answers from "../../src/http/answers.ts";
import { eventData } from "../../src/http/live.ts";
import { asJson, claim, openApi, read, start, type Api, type Created, type Overrides } from "./http-fixture.ts";

let api: Api;
const open = async (overrides: Overrides = {}): Promise<void> => {
  api = await openApi(overrides);
};
afterEach(() => api.close());

interface Message {
  readonly event: string;
  readonly data: Record<string, unknown>;
}

/** Reads messages of a stream one by one; null at its end. */
function messagesOf(response: Response): () => Promise<Message | null> {
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  return async () => {
    for (;;) {
      const end = text.indexOf("\n\n");
      if (end >= 0) {
        const block = text.slice(0, end);
        text = text.slice(end + 2);
        if (block.startsWith(":")) continue;
        const [event, ...data] = block.split("\n").map((line) => line.slice(line.indexOf(": ") + 2));
        return { event: event!, data: JSON.parse(data.join("\n")) as Record<string, unknown> };
      }
      const { done, value } = await reader.read();
      if (done) return null;
      text += value;
    }
  };
}

const completed = ({ task_id, run_id }: Created): RuntimeEvent => ({
  type: "run.completed",
  taskId: task_id,
  runId: run_id,
  workflowName: "order",
  attempt: 1,
});

test("a run is followed from its present state to its end", async () => {
  await open();
  const { url } = await api.listen();
  const created = await start(api, { input: { n: 1 } });
  const other = await start(api);
  const response = await fetch(`${url}/api/workflows/runs/${created.run_id}/events`);
  expect(response.headers.get("content-type")).toBe("text/event-stream");
  const next = messagesOf(response);
  const first = await next();
  expect(first).toMatchObject({ event: "state", data: { status: "pending", input: { n: 1 } } });
  expect(answers.WorkflowRun.parse(first!.data)).toEqual(first!.data);
  const run = await claim(api);
  api.bus.publish(completed(other));
  api.bus.publish({ type: "run.step", taskId: run.taskId, runId: run.runId, step: "one", durationMs: 2 });
  expect(await next()).toEqual({
    event: "run.step",
    data: { type: "run.step", task_id: run.taskId, run_id: run.runId, step: "one", duration_ms: 2 },
  });
  await api.store.progress.complete([{ ...run, output: asJson("7") }]);
  api.bus.publish(completed(created));
  expect(await next()).toMatchObject({ event: "run.completed" });
  expect(await next()).toMatchObject({ event: "state", data: { status: "completed", result: { output: 7 } } });
  expect(await next()).toEqual({ event: "end", data: {} });
  expect(await next()).toBeNull();
});

test("an input with line breaks between its tokens stays one message", async () => {
  await open();
  const { url } = await api.listen();
  const body = '{"workflow_name": "order", "input": {\n  "n":\r\n 1\n}}';
  const created = (await (await api.post("/api/workflows/runs", body)).json()) as Created;
  const next = messagesOf(await fetch(`${url}/api/workflows/runs/${created.run_id}/events`));
  expect(await next()).toMatchObject({ event: "state", data: { input: { n: 1 } } });
});

test("a finished run's stream is its state and the end", async () => {
  await open();
  const { url } = await api.listen();
  const { task_id } = await start(api);
  await api.store.tasks.cancel([(await claim(api)).taskId]);
  const next = messagesOf(await fetch(`${url}/api/workflows/runs/${task_id}/events`));
  expect(await next()).toMatchObject({ event: "state", data: { status: "cancelled" } });
  expect(await next()).toMatchObject({ event: "end" });
  expect(await next()).toBeNull();
});

test("a change that another process made is seen with the next heartbeat", async () => {
  await open({ options: { streams: { heartbeatMs: 5 } } });
  const { url } = await api.listen();
  const { task_id } = await start(api);
  const next = messagesOf(await fetch(`${url}/api/workflows/runs/${task_id}/events`));
  expect(await next()).toMatchObject({ data: { status: "pending" } });
  await api.store.tasks.cancel([(await claim(api)).taskId]);
  const states: unknown[] = [];
  for (let message = await next(); message; message = await next())
    states.push(message.data["status"] ?? message.event);
  expect(states.slice(-2)).toEqual(["cancelled", "end"]);
});

test("the whole bus is streamed in the API's spelling, with comments as heartbeats", async () => {
  await open({ options: { streams: { heartbeatMs: 5 } } });
  const { url } = await api.listen();
  const response = await fetch(`${url}/api/events`);
  const reader = response.body!.getReader();
  let text = "";
  const until = async (part: string) => {
    while (!text.includes(part)) text += new TextDecoder().decode((await reader.read()).value);
  };
  await until(": open\n\n");
  api.bus.publish({ type: "run.sleeping", taskId: "t", runId: "r", wakeAt: 0, waits: ["w"] });
  await until(
    '{"type":"run.sleeping","task_id":"t","run_id":"r","wake_at":"1970-01-01T00:00:00.000Z","waits":["w"]}\n\n',
  );
  const line = { taskId: "t", runId: "r", workflowName: "w", level: "info", source: "log", message: "m" };
  api.bus.publish({ type: "run.log", ...line, fields: '{"n":9007199254740993}' as JsonText });
  await until('"message":"m","fields":{"n":9007199254740993}}\n\n');
  await until(": keep-alive\n\n");
  await reader.cancel();
});

test("a stream of some types carries no others, and what is no type is refused", async () => {
  await open();
  const { url } = await api.listen();
  const next = messagesOf(await fetch(`${url}/api/events?types=event.emitted,run.*`));
  api.bus.publish({ type: "host.started", pid: 1, generation: "g" });
  api.bus.publish({ type: "event.emitted", name: "e", first: true, woken: 0 });
  api.bus.publish({ type: "run.cancelled", taskId: "t", runId: "r" });
  expect(await next()).toMatchObject({ event: "event.emitted" });
  expect(await next()).toMatchObject({ event: "run.cancelled" });
  expect((await fetch(`${url}/api/events?types=Nonsense!`)).status).toBe(400);
});

test("an event is spelled once for all clients", async () => {
  await open();
  const event: RuntimeEvent = { type: "run.cancelled", taskId: "t", runId: "r" };
  expect(eventData(event)).toBe(eventData(event));
});

test("a client that does not read is cut off, and the others go on", async () => {
  await open({ options: { streams: { bufferBytes: 64 * 1024 } } });
  const { port, url } = await api.listen();
  const good = messagesOf(await fetch(`${url}/api/events`));
  const slow = http.get({ port, host: "127.0.0.1", path: "/api/events" });
  const [response] = (await once(slow, "response")) as [http.IncomingMessage];
  slow.on("error", () => {});
  response.on("error", () => {});
  const event = (n: number): RuntimeEvent => ({ type: "catalog.failed", message: `${n}`.padEnd(32 * 1024, "x") });
  let isClosed = false;
  const closed = new Promise<void>((resolve) => {
    response.on("close", () => {
      isClosed = true;
      resolve();
    });
  });
  // The sockets between take a few megabytes before the stream's own bound counts.
  for (let n = 0; n < 2_000 && !isClosed; n += 1) {
    api.bus.publish(event(n));
    expect((await good())?.event).toBe("catalog.failed");
  }
  response.resume();
  await closed;
  expect(response.complete).toBe(false);
});

test("no more streams are opened than the limit", async () => {
  await open({ options: { streams: { maxStreams: 1 } } });
  const first = await api.get("/api/events");
  await read(await api.get("/api/events"), answers.ErrorAnswer, 503);
  await first.body!.cancel();
  const again = await api.get("/api/events");
  expect(again.status).toBe(200);
  await again.body!.cancel();
});

test("HEAD of a stream opens none", async () => {
  await open({ options: { streams: { maxStreams: 1 } } });
  for (let i = 0; i < 3; i += 1) {
    expect((await api.app.request("/api/events", { method: "HEAD" })).status).toBe(200);
  }
});

test("closing the server ends its streams", async () => {
  await open();
  const server = await api.listen();
  const { task_id } = await start(api);
  const all = messagesOf(await fetch(`${server.url}/api/events`));
  const one = messagesOf(await fetch(`${server.url}/api/workflows/runs/${task_id}/events`));
  expect((await one())?.event).toBe("state");
  await server.close();
  expect(await all()).toBeNull();
  expect(await one()).toBeNull();
});
