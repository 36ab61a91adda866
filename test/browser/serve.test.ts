// The page of `chiron serve`: nothing without a key, the key where no script finds it, and no change from it.
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { makeProject, startChiron, type Chiron, type Project } from "../support/chiron-process.ts";
import { CHROMIUM, launch, open, WITHOUT } from "./browser.ts";

const HELLO = `
WORKFLOW_NAME = "hello"

async def handler(inp, ctx):
    return "done"
`;
const KEY = "a-key-of-some-length-0123456789";

let project: Project;
let chiron: Chiron;
let browser: Browser;

describe.skipIf(CHROMIUM === null)(CHROMIUM === null ? `skipped: ${WITHOUT}` : "the page of a server", () => {
  beforeAll(async () => {
    project = makeProject({ "workflows/hello.py": HELLO });
    const env = { CHIRON_API_KEY: KEY };
    [chiron, browser] = await Promise.all([startChiron(project, env, ["--store", "sqlite"], "serve"), launch()]);
    await fetch(`${chiron.url}/api/workflows/runs`, {
      method: "POST",
      headers: { authorization: `Bearer ${KEY}`, "content-type": "application/json" },
      body: '{"workflow_name":"hello","input":{}}',
    });
  });

  afterAll(async () => {
    await browser?.close();
    await chiron?.kill();
    project?.remove();
  });

  test("asks for a key, shows nothing before, keeps it from scripts, and only shows", async () => {
    const context = await browser.newContext();
    const { page, noise } = await open(context, `${chiron.url}/runs`, /status of 40[13]/);
    const field = page.getByLabel("API key");
    await field.fill("wrong");
    await page.getByRole("button", { name: "Enter" }).click();
    await page.getByRole("alert").getByText("the API key is not valid").waitFor();
    expect(await page.getByText("hello").count()).toBe(0);
    await field.fill(KEY);
    await page.getByRole("button", { name: "Enter" }).click();
    await page.getByRole("listitem").filter({ hasText: "hello" }).waitFor();
    await page.getByText("read-only").waitFor();

    const [cookie] = await context.cookies(`${chiron.url}/api`);
    expect(cookie).toMatchObject({ httpOnly: true, sameSite: "Strict", expires: -1 });
    const seen = await page.evaluate(() => [
      document.cookie,
      localStorage.length,
      sessionStorage.length,
      location.href,
    ]);
    expect(seen).toEqual(["", 0, 0, `${chiron.url}/runs`]);

    const status = await page.evaluate(async () => {
      const body = '{"workflow_name":"hello","input":{}}';
      const headers = { "content-type": "application/json" };
      return (await fetch("/api/workflows/runs", { method: "POST", headers, body })).status;
    });
    expect(status).toBe(403);

    await page.getByRole("button", { name: "Leave" }).click();
    await page.getByLabel("API key").waitFor();
    expect(await context.cookies()).toEqual([]);
    expect(noise).toEqual([]);
    await context.close();
  });
});
