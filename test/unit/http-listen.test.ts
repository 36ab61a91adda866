// The sockets: ports, limits as a client meets them, and closing.
import { once } from "node:events";
import { createServer, type AddressInfo, type Server } from "node:net";
import net from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import * as answers from "../../src/http/answers.ts";
import { BODY_LIMIT } from "../../src/http/body.ts";
import { listen, type Listening } from "../../src/http/server.ts";
import { openApi, read, type Api } from "./http-fixture.ts";

let api: Api;
const blockers: Server[] = [];
beforeEach(async () => {
  api = await openApi();
});
afterEach(async () => {
  await api.close();
  for (const blocker of blockers.splice(0)) blocker.close();
});

async function blocked(): Promise<number> {
  const blocker = createServer();
  blockers.push(blocker);
  blocker.listen({ host: "127.0.0.1", port: 0 });
  await once(blocker, "listening");
  return (blocker.address() as AddressInfo).port;
}

/** Sends these bytes on a connection of their own and answers all that comes back. */
async function exchange(port: number, request: string): Promise<string> {
  const socket = net.connect(port, "127.0.0.1");
  let text = "";
  socket.on("data", (chunk) => (text += chunk.toString()));
  socket.on("error", () => {});
  socket.end(request);
  await once(socket, "close");
  return text;
}

test("a taken port is an error that names it, or the next one is used", async () => {
  const port = await blocked();
  const options = { host: "127.0.0.1", port };
  await expect(listen(api.app, { ...options, moveOn: false })).rejects.toMatchObject({ code: "port_taken" });
  const server: Listening = await listen(api.app, { ...options, moveOn: true });
  expect(server.port).toBeGreaterThan(port);
  expect(server.url).toBe(`http://127.0.0.1:${server.port}`);
  expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
  await Promise.all([server.close(), server.close()]);
});

test("an address that is not this machine's is an error, not a crash", async () => {
  await expect(listen(api.app, { host: "203.0.113.1", port: 0, moveOn: true })).rejects.toMatchObject({
    code: "unavailable",
  });
});

test("a run is created over a socket, also with the body in chunks and without a length", async () => {
  const { url } = await api.listen();
  const body = '{"workflow_name":"order","input":{"n":1.0}}';
  const headers = { "content-type": "application/json" };
  const whole = await fetch(`${url}/api/workflows/runs`, { method: "POST", headers, body });
  await read(whole, answers.CreateAnswer);
  const bytes = new TextEncoder().encode(body);
  const chunks = new ReadableStream({
    start(controller) {
      for (const byte of bytes) controller.enqueue(Uint8Array.of(byte));
      controller.close();
    },
  });
  const init = { method: "POST", headers, body: chunks, duplex: "half" } as RequestInit;
  await read(await fetch(`${url}/api/workflows/runs`, init), answers.CreateAnswer);
  const list = await read(await fetch(`${url}/api/workflows/runs`), answers.ListAnswer);
  expect(list.runs).toHaveLength(2);
});

test("a body beyond the limit is 413 over a socket, announced or in chunks", async () => {
  const { port } = await api.listen();
  const head = "POST /api/workflows/runs HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n";
  const announced = await exchange(port, `${head}content-length: ${BODY_LIMIT + 1}\r\n\r\n{`);
  expect(announced).toMatch(/^HTTP\/1\.1 413 /);
  expect(announced).toContain('"code":"too_large"');
  const megabyte = "x".repeat(1024 * 1024);
  const chunks = `100000\r\n${megabyte}\r\n`.repeat(17);
  const chunked = await exchange(port, `${head}transfer-encoding: chunked\r\n\r\n${chunks}0\r\n\r\n`);
  expect(chunked).toMatch(/^HTTP\/1\.1 413 /);
});

test("an input of nearly the limit is taken", async () => {
  const { url } = await api.listen();
  const body = JSON.stringify({ workflow_name: "order", input: "x".repeat(BODY_LIMIT - 100) });
  const headers = { "content-type": "application/json" };
  await read(await fetch(`${url}/api/workflows/runs`, { method: "POST", headers, body }), answers.CreateAnswer);
});

test("a body that ends early causes nothing and no fault", async () => {
  const { port } = await api.listen();
  const head = "POST /api/workflows/runs HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n";
  await exchange(port, `${head}content-length: 500\r\n\r\n{"workflow_name":"order"`);
  expect(api.events).toEqual([]);
  expect(await api.store.reads.list({ limit: 1 })).toEqual([]);
});

test.each([
  ["no HTTP", "hello\r\n\r\n", 400],
  ["no Host", "GET /healthz HTTP/1.1\r\n\r\n", 400],
  ["a foreign Host", "GET /healthz HTTP/1.1\r\nhost: evil.example\r\n\r\n", 403],
  ["a Host that is no name", "GET /healthz HTTP/1.1\r\nhost: a b\r\n\r\n", 400],
  ["an absolute target of a foreign host", "GET http://evil.example/ HTTP/1.1\r\nhost: evil.example\r\n\r\n", 403],
  ["headers beyond all bounds", `GET / HTTP/1.1\r\nhost: localhost\r\nx: ${"y".repeat(20_000)}\r\n\r\n`, 431],
  ["a backslash in the path", "GET /api\\x HTTP/1.1\r\nhost: localhost\r\n\r\n", 400],
  ["TRACE", "TRACE /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n", 405],
])("%s is refused with a status of its own and causes no fault", async (_what, request, status) => {
  const { port } = await api.listen();
  const answer = await exchange(port, request);
  expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
  expect(api.events).toEqual([]);
});

test("closing waits for a running request and then takes no more", async () => {
  let arrived!: () => void;
  let release!: () => void;
  const here = new Promise<void>((resolve) => (arrived = resolve));
  const held = new Promise<void>((resolve) => (release = resolve));
  const server = await listen(
    {
      async fetch(request) {
        arrived();
        await held;
        return api.app.fetch(request, {});
      },
    },
    { host: "127.0.0.1", port: 0, moveOn: false },
  );
  const answer = fetch(`${server.url}/healthz`);
  await here;
  const closing = server.close();
  release();
  expect((await answer).status).toBe(200);
  await closing;
  await expect(fetch(`${server.url}/healthz`)).rejects.toThrow();
});
