// The page over HTTP: its policy, its files, and a key in a cookie.
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, expect, test } from "vitest";
import { pageFilesIn } from "../../src/assets.ts";
import { openApi, type Api, type Overrides } from "./http-fixture.ts";

const folders: string[] = [];
let api: Api;

async function served(overrides: Overrides = {}, isBuilt = true): Promise<Api> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "chiron-page-"));
  folders.push(folder);
  if (isBuilt) {
    fs.mkdirSync(path.join(folder, "assets"));
    fs.writeFileSync(path.join(folder, "index.html"), "<!doctype html><title>page</title>");
    fs.writeFileSync(path.join(folder, "assets", "index-abc123.js"), "1;".repeat(500));
    fs.writeFileSync(path.join(folder, "secret.txt"), "not of the page");
  }
  api = await openApi({ page: pageFilesIn(folder), ...overrides });
  return api;
}

afterEach(async () => {
  await api.close();
  for (const folder of folders.splice(0)) fs.rmSync(folder, { recursive: true });
});

test("every view's address answers the page, under a policy that allows its own files only", async () => {
  await served();
  for (const address of ["/", "/runs", "/runs/x", "/stream", "/webhooks", "/schedules", "/outbox", "/problems"]) {
    const answer = await api.get(address);
    expect(answer.status).toBe(200);
    const policy = answer.headers.get("content-security-policy");
    expect(policy).toContain("default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'");
    expect(policy).not.toContain("unsafe");
    expect(answer.headers.get("cache-control")).toBe("no-cache");
  }
  expect((await api.get("/elsewhere")).status).toBe(404);
});

test("hashed files are kept for ever, compressed where that is understood, and nothing else is a file", async () => {
  await served();
  const script = await api.get("/assets/index-abc123.js", { headers: { "accept-encoding": "gzip, br" } });
  expect(script.headers.get("cache-control")).toContain("immutable");
  expect(script.headers.get("content-encoding")).toBe("gzip");
  expect((await (await api.get("/assets/index-abc123.js")).text()).length).toBe(1_000);
  for (const name of ["../secret.txt", "..%2fsecret.txt", "secret.txt", "none.js", "%00.js"]) {
    expect((await api.get(`/assets/${name}`)).status).toBe(404);
  }
});

test("where the page was not built its address says how to build it", async () => {
  await served({}, false);
  const answer = await api.get("/");
  expect(answer.status).toBe(503);
  expect(await answer.text()).toContain("npm run build:devtools");
});

test("a foreign host gets no page", async () => {
  await served();
  expect((await api.get("/", { headers: { host: "attacker.test" } })).status).toBe(403);
});

const KEYED = { auth: { envKeys: ["k1"], loopbackOnly: true, hosts: [] } } as const;
const login = (key: string): Promise<Response> => api.post("/api/session/login", { key });

test("a key becomes a cookie that scripts do not see, and is forgotten again", async () => {
  await served(KEYED);
  expect((await api.get("/")).status).toBe(200);
  expect((await api.get("/api/session")).status).toBe(401);
  expect((await login("wrong")).status).toBe(401);
  const cookie = (await login("k1")).headers.get("set-cookie")!;
  expect(cookie).toMatch(/^chiron_key=k1; Path=\/api; HttpOnly; SameSite=Strict$/);
  const session = await api.get("/api/session", { headers: { cookie: "a=b; chiron_key=k1" } });
  expect(await session.json()).toMatchObject({ ok: true, mode: "dev", read_only: false });
  expect((await api.get("/api/session", { headers: { cookie: "chiron_key=%" } })).status).toBe(401);
  const gone = await api.post("/api/session/logout");
  expect(gone.headers.get("set-cookie")).toContain("Max-Age=0");
});

test("on a server the page changes nothing, a program with the same key does", async () => {
  await served({ ...KEYED, info: { version: "1", mode: "serve" } });
  const event = { event_type: "a", correlation_id: "b" };
  const json = { "content-type": "application/json" };
  const send = async (headers: Record<string, string>): Promise<number> =>
    (await api.post("/api/workflows/events", event, { ...json, ...headers })).status;
  expect(await send({ cookie: "chiron_key=k1" })).toBe(403);
  expect(await send({ cookie: "chiron_key=k1", authorization: "Bearer k1", "sec-fetch-site": "same-origin" })).toBe(
    403,
  );
  expect(await send({ authorization: "Bearer k1" })).toBe(200);
});

test("a process that only answers probes has no page", async () => {
  await served({ options: { probesOnly: true } });
  expect((await api.get("/")).status).toBe(404);
});
