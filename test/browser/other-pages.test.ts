// Pages that are not ours: on another port, on another name, on a name that resolves to this machine. None of them reads or changes anything.
import { createServer, type Server } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { makeProject, startChiron, type Chiron, type Project } from "../support/chiron-process.ts";
import { CHROMIUM, launch, WITHOUT } from "./browser.ts";

const HELLO = `
WORKFLOW_NAME = "hello"

async def handler(inp, ctx):
    return "secret result"
`;

let project: Project;
let chiron: Chiron;
let browser: Browser;
let other: Server;
let otherPort: number;

describe.skipIf(CHROMIUM === null)(CHROMIUM === null ? `skipped: ${WITHOUT}` : "other pages", () => {
  beforeAll(async () => {
    project = makeProject({ "workflows/hello.py": HELLO });
    other = createServer((_request, response) => {
      response.setHeader("content-type", "text/html");
      response.end("<!doctype html><title>other</title><p>other page");
    }).listen(0, "127.0.0.1");
    await once(other, "listening");
    otherPort = (other.address() as AddressInfo).port;
    const rules = "--host-resolver-rules=MAP attacker.test 127.0.0.1";
    [chiron, browser] = await Promise.all([startChiron(project), launch([rules])]);
    await chiron.post("/api/workflows/runs", { workflow_name: "hello", input: {} });
  });

  afterAll(async () => {
    await browser?.close();
    await chiron?.kill();
    other?.close();
    project?.remove();
  });

  /** Everything a page can try; each answer says how it ended. */
  const attempts = (target: string) => async (): Promise<string[]> => {
    const tries: [string, () => Promise<string>][] = [
      ["read", async () => (await fetch(`${target}/api/workflows/runs`)).text()],
      ["page", async () => (await fetch(`${target}/`)).text()],
      ["stream", async () => (await fetch(`${target}/api/events`)).text()],
      ["start", async () => (await fetch(`${target}/api/workflows/runs`, { method: "POST", headers: { "content-type": "application/json" }, body: '{"workflow_name":"hello","input":{}}' })).text()], // prettier-ignore
    ];
    const outcomes: string[] = [];
    for (const [name, run] of tries) outcomes.push(await run().then((text) => `${name} read ${text.length}`, () => `${name} refused`)); // prettier-ignore
    // What needs no permission to be sent.
    const body = '{"workflow_name":"hello","input":{}}';
    await fetch(`${target}/api/workflows/runs`, { method: "POST", mode: "no-cors", headers: { "content-type": "text/plain" }, body }).catch(() => null); // prettier-ignore
    return outcomes;
  };
  const refused = ["read refused", "page refused", "stream refused", "start refused"];
  const count = async (): Promise<number> => (await chiron.get("/api/workflows/runs")).body.runs.length as number;
  const script = (target: string): string => `(${attempts.toString()})(${JSON.stringify(target)})()`;

  test.each(["127.0.0.1", "attacker.test"])("a page of %s on another port reads and starts nothing", async (host) => {
    const page = await browser.newPage();
    await page.goto(`http://${host}:${otherPort}/`);
    expect(await page.evaluate(script(chiron.url))).toEqual(refused);
    expect(await count()).toBe(1);
    await page.close();
  });

  test("a foreign name that resolves to this machine gets neither the page nor data", async () => {
    const page = await browser.newPage();
    const { port } = new URL(chiron.url);
    const response = await page.goto(`http://attacker.test:${port}/`);
    expect(response!.status()).toBe(403);
    const data = await page.goto(`http://attacker.test:${port}/api/workflows/runs`);
    expect(await data!.json()).toMatchObject({ ok: false, code: "forbidden" });
    expect(await count()).toBe(1);
    await page.close();
  });

  test("no page can put ours into a frame", async () => {
    const page = await browser.newPage();
    await page.goto(`http://127.0.0.1:${otherPort}/`);
    await page.evaluate((target) => {
      const frame = document.createElement("iframe");
      frame.src = target;
      const loaded = new Promise((resolve) => frame.addEventListener("load", resolve));
      document.body.append(frame);
      return loaded.then(() => null);
    }, chiron.url);
    const framed = await Promise.all(page.frames().map((frame) => frame.locator("#page").count()));
    expect(framed.every((found) => found === 0)).toBe(true);
    await page.close();
  });
});
