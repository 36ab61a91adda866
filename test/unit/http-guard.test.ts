// The door: hosts, origins, keys and scopes.
import { afterEach, expect, test } from "vitest";
import * as answers from "../../src/http/answers.ts";
import type { AuthSettings } from "../../src/http/deps.ts";
import { keyHash } from "../../src/http/keys.ts";
import { openApi, read, type Api } from "./http-fixture.ts";

let api: Api;
afterEach(() => api.close());

const RUNS = "/api/workflows/runs";
const OPEN: AuthSettings = { envKeys: [], loopbackOnly: true, hosts: [] };
const open = async (auth: Partial<AuthSettings> = {}): Promise<void> => {
  api = await openApi({ auth: { ...OPEN, ...auth } });
};
const status = async (path: string, headers: Record<string, string>, method = "GET") =>
  (await api.app.request(path, { method, headers })).status;

test.each([
  "localhost",
  "localhost:8000",
  "127.0.0.1",
  "127.0.0.1:1",
  "127.9.9.9:80",
  "[::1]",
  "[::1]:8000",
  "LOCALHOST",
])("host %s is ours", async (host) => {
  await open();
  expect(await status("/healthz", { host })).toBe(200);
});

test.each([
  "evil.example",
  "localhost.evil.example",
  "evil.example:8000",
  "127.0.0.1.evil.example",
  "0.0.0.0",
  "",
  "[::2]",
])("host %s is refused on every route", async (host) => {
  await open();
  for (const path of ["/healthz", "/readyz", "/metrics", "/api/events", RUNS, "/nothing"]) {
    await read(await api.get(path, { headers: { host } }), answers.ErrorAnswer, 403);
  }
});

test("a configured host is ours with any port, or with just the one it names", async () => {
  await open({ hosts: ["Chiron.example", "other.example:8443", " "] });
  expect(await status("/healthz", { host: "chiron.example" })).toBe(200);
  expect(await status("/healthz", { host: "chiron.example:99" })).toBe(200);
  expect(await status("/healthz", { host: "other.example:8443" })).toBe(200);
  expect(await status("/healthz", { host: "other.example" })).toBe(403);
});

test("a foreign origin neither changes nor reads anything", async () => {
  await open();
  const host = "localhost:8000";
  for (const origin of ["https://evil.example", "null", "http://localhost:3000", "http://localhost:8000.evil", "x"]) {
    expect(await status(`${RUNS}/x/cancel`, { host, origin }, "POST")).toBe(403);
    expect(await status(RUNS, { host, origin })).toBe(403);
    expect(await status(RUNS, { host, origin }, "OPTIONS")).toBe(403);
  }
  for (const site of ["cross-site", "same-site", "anything"]) {
    expect(await status(RUNS, { host, "sec-fetch-site": site })).toBe(403);
    expect(await status(`${RUNS}/x/cancel`, { host, "sec-fetch-site": site }, "POST")).toBe(403);
  }
});

test("our own page and a person's own navigation pass", async () => {
  await open();
  const host = "localhost:8000";
  expect(await status(RUNS, { host, origin: "http://localhost:8000", "sec-fetch-site": "same-origin" })).toBe(200);
  expect(await status(RUNS, { host, "sec-fetch-site": "none" })).toBe(200);
  const link = { host, "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate" };
  expect(await status(RUNS, { ...link, "sec-fetch-dest": "document" })).toBe(200);
  expect(await status(RUNS, { ...link, "sec-fetch-dest": "iframe" })).toBe(403);
  expect(await status(`${RUNS}/x/cancel`, { ...link, "sec-fetch-dest": "document" }, "POST")).toBe(403);
});

test("every answer forbids caching, framing, sniffing and scripts, and none has CORS headers", async () => {
  await open();
  for (const path of ["/healthz", RUNS, "/nothing", "/metrics"]) {
    const { headers } = await api.get(path, { headers: { origin: "http://localhost" } });
    expect(headers.get("cache-control")).toBe("no-store");
    expect(headers.get("x-frame-options")).toBe("DENY");
    expect(headers.get("x-content-type-options")).toBe("nosniff");
    expect(headers.get("content-security-policy")).toContain("default-src 'none'");
    expect([...headers.keys()].filter((name) => name.startsWith("access-control"))).toEqual([]);
  }
});

test("without a key the API is open to local clients of a loopback server only", async () => {
  await open();
  expect(await status(RUNS, {})).toBe(200);
  expect(await status(RUNS, { "x-forwarded-for": "203.0.113.9" })).toBe(401);
  await api.close();
  await open({ loopbackOnly: false, envKeys: ["", "  "] });
  expect(await status(RUNS, {})).toBe(401);
  expect(await status("/healthz", {})).toBe(200);
});

test("a peer that is not loopback is refused while no key is configured", async () => {
  await open();
  const env = { incoming: { socket: { remoteAddress: "203.0.113.9" } } };
  expect((await api.app.request(RUNS, {}, env)).status).toBe(401);
  expect((await api.app.request("/metrics", {}, env)).status).toBe(401);
  expect((await api.app.request("/healthz", {}, env)).status).toBe(200);
  const local = { incoming: { socket: { remoteAddress: "::ffff:127.0.0.1" } } };
  expect((await api.app.request(RUNS, {}, local)).status).toBe(200);
});

test("an environment key works in both headers, and a wrong or missing one is 401", async () => {
  await open({ envKeys: ["first", "second"] });
  expect(await status(RUNS, { authorization: "Bearer first" })).toBe(200);
  expect(await status(RUNS, { authorization: "bearer second" })).toBe(200);
  expect(await status(RUNS, { "x-api-key": "second" })).toBe(200);
  expect(await status(RUNS, { authorization: "Basic abc", "x-api-key": "first" })).toBe(200);
  for (const headers of [{}, { "x-api-key": "" }, { "x-api-key": "firs" }, { authorization: "Bearer wrong" }]) {
    const response = await api.get(RUNS, { headers: headers as Record<string, string> });
    expect(response.headers.get("www-authenticate")).toBe("Bearer");
    await read(response, answers.ErrorAnswer, 401);
  }
  expect(await status(RUNS, { authorization: "Bearer wrong", "x-api-key": "first" })).toBe(401);
});

test("with keys the probes stay open and the metrics stay open to local clients", async () => {
  await open({ envKeys: ["k"] });
  expect(await status("/healthz", {})).toBe(200);
  expect(await status("/readyz", {})).toBe(200);
  expect(await status("/metrics", {})).toBe(200);
  const env = { incoming: { socket: { remoteAddress: "203.0.113.9" } } };
  expect((await api.app.request("/metrics", {}, env)).status).toBe(401);
  expect((await api.app.request("/metrics", { headers: { "x-api-key": "k" } }, env)).status).toBe(200);
});

test("a stored key may do what its scope says", async () => {
  await open();
  for (const scope of ["read", "write", "admin"] as const) {
    await api.store.keys.add({ id: scope, name: scope, scope, hash: keyHash(`key-${scope}`) });
  }
  const may = async (scope: string) => {
    const headers = { "x-api-key": `key-${scope}` };
    return [
      await status(RUNS, headers),
      await status(`${RUNS}/x/cancel`, headers, "POST"),
      await status("/api/workflows/reload", headers, "POST"),
    ];
  };
  expect(await may("read")).toEqual([200, 403, 403]);
  expect(await may("write")).toEqual([200, 404, 403]);
  expect(await may("admin")).toEqual([200, 404, 200]);
  expect(await may("none")).toEqual([401, 401, 401]);
});

test("a revoked key ends within the second that an answer of the store is believed", async () => {
  let now = 0;
  const still = { now: () => now, monotonic: () => now, sleep: async () => {}, soon: () => {} };
  api = await openApi({ clock: still });
  const add = (id: string) => api.store.keys.add({ id, name: id, scope: "read", hash: keyHash(id) });
  await add("kept");
  await add("lost");
  expect(await status(RUNS, { "x-api-key": "lost" })).toBe(200);
  await api.store.keys.revoke("lost");
  now += 1_000;
  expect(await status(RUNS, { "x-api-key": "lost" })).toBe(401);
  expect(await status(RUNS, { "x-api-key": "kept" })).toBe(200);
});

test("the process's own requests need no key, and nobody on a socket can claim to be one", async () => {
  await open({ envKeys: ["secret"] });
  expect((await api.app.request(RUNS, {}, { inside: true })).status).toBe(200);
  expect(await status(RUNS, { inside: "true" })).toBe(401);
});
