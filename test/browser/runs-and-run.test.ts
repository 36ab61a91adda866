// The page over a real `chiron dev`, in a real Chromium: runs as they happen, one run with everything in it.
import fs from "node:fs";
import path from "node:path";
import { gzipSync } from "node:zlib";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { makeProject, startChiron, type Chiron, type Project } from "../support/chiron-process.ts";
import { CHROMIUM, launch, open, WITHOUT } from "./browser.ts";

const GREET = `
from dataclasses import dataclass
WORKFLOW_NAME = "greet"

@dataclass
class Input:
    name: str = "you"

async def handler(inp, ctx):
    text = await ctx.step("compose", lambda: {"text": f"Hello, {inp.name}", "big": 12345678901234567890})
    ctx.log("composed", name=inp.name)
    await ctx.wait_for_event("reply", "greet.reply", inp.name)
    return text
`;

const MANY = `
import asyncio
WORKFLOW_NAME = "many"

async def handler(inp, ctx):
    for start in range(0, inp["steps"], 250):
        await asyncio.gather(*(ctx.step(f"step {number}", lambda: number) for number in range(start, start + 250)))
    return inp["steps"]
`;

const BROKEN = `
WORKFLOW_NAME = "broken"
tries = 0

async def handler(inp, ctx):
    await ctx.step("prepare", lambda: "once")
    raise ValueError("the cupboard is bare")
`;

let project: Project;
let chiron: Chiron;
let browser: Browser;

const create = async (workflow_name: string, input: unknown, more: object = {}): Promise<string> =>
  (await chiron.post("/api/workflows/runs", { workflow_name, input, ...more })).body.task_id as string;

describe.skipIf(CHROMIUM === null)(CHROMIUM === null ? `skipped: ${WITHOUT}` : "runs and one run", () => {
  beforeAll(async () => {
    project = makeProject({ "workflows/greet.py": GREET, "workflows/many.py": MANY, "workflows/broken.py": BROKEN });
    [chiron, browser] = await Promise.all([startChiron(project), launch()]);
  });

  afterAll(async () => {
    await browser?.close();
    await chiron?.kill();
    project?.remove();
  });

  test("an empty list teaches, and a run that starts is seen without a reload", async () => {
    const { page, noise } = await open(browser, `${chiron.url}/`);
    await page.getByText("Nothing has run yet").waitFor();
    await page.getByText("● live").waitFor();
    await create("greet", { name: "Ada" });
    const row = page.getByRole("listitem").filter({ hasText: "greet" });
    await row.getByText("sleeping").waitFor();
    await chiron.post("/api/workflows/events", { event_type: "greet.reply", correlation_id: "Ada" });
    await row.getByText("completed").waitFor();
    await page.getByRole("button", { name: /^completed 1$/ }).waitFor();
    expect(noise).toEqual([]);
    await page.close();
  });

  test("filters are in the address, hold after a reload, and say when nothing fits", async () => {
    await create("greet", { name: "Grace" });
    const { page } = await open(browser, `${chiron.url}/runs`);
    await page.getByRole("button", { name: /^sleeping/ }).click();
    await page.getByRole("searchbox").fill("grace");
    await page.waitForURL(/state=sleeping&q=grace$/);
    await page.reload();
    await page.getByText("1 shown").waitFor();
    await page.getByRole("searchbox").fill("no such text");
    await page.getByText("No run fits these filters").waitFor();
    await page.close();
  });

  test("older runs come by the cursor, each once", async () => {
    await Promise.all(Array.from({ length: 130 }, (_, number) => create("greet", { name: `bulk-${number}` })));
    const { page } = await open(browser, `${chiron.url}/runs?workflow=greet&q=bulk-`);
    await page.getByText("100 shown").waitFor();
    await page.getByRole("button", { name: "Older runs" }).click();
    await page.getByText("130 shown").waitFor();
    await page.close();
  });

  test("a run's address leads to a step, its value is a tree, exact to the digit, and its log is there", async () => {
    const id = await create("greet", { name: "Lin" });
    const { page, noise } = await open(browser, `${chiron.url}/runs/${id}?step=compose`);
    const detail = page.getByRole("complementary", { name: "Details" });
    await detail.getByText("12345678901234567890").waitFor();
    await detail.getByText("Hello, Lin").waitFor();
    await page.getByRole("region", { name: "Logs" }).getByText("composed").waitFor();
    await page.getByRole("list", { name: "Timeline" }).getByText("reply").click();
    await detail.getByText("greet.reply of Lin").waitFor();
    expect(page.url()).toContain("at=wait");
    await chiron.post("/api/workflows/events", { event_type: "greet.reply", correlation_id: "Lin" });
    await page.getByRole("heading", { level: 1 }).getByText("completed").waitFor();
    expect(noise).toEqual([]);
    await page.close();
  });

  test("a failed run shows its traceback, and later attempts mark what they replayed", async () => {
    const id = await create("broken", {}, { max_attempts: 2 });
    await chiron.post("/api/clock", { action: "advance", by: "1h" });
    await chiron.finished(id);
    const { page } = await open(browser, `${chiron.url}/runs/${id}`);
    await page.getByRole("region", { name: "Failure" }).first().getByText("the cupboard is bare").first().waitFor();
    await page.getByText("raise ValueError").first().waitFor();
    await page.getByText("Attempt 2", { exact: false }).first().waitFor();
    expect(await page.locator(".track .bar.replayed").count()).toBe(1);
    expect(await page.locator(".track .bar.failed").count()).toBe(2);
    await page.close();
  });

  test("ten thousand events go by, and five thousand steps of one run scroll smoothly", async () => {
    const { page, noise } = await open(browser, `${chiron.url}/stream?kind=steps`);
    await page.getByText("● live").waitFor();
    const ids = await Promise.all([create("many", { steps: 5_000 }), create("many", { steps: 5_000 })]);
    await Promise.all(ids.map((id) => chiron.finished(id)));
    await page.getByText("10,000 shown").waitFor();
    expect(await page.getByRole("list", { name: "Events" }).getByRole("listitem").count()).toBeLessThan(100);
    await page.goto(`${chiron.url}/runs/${ids[0]}`);
    const list = page.getByRole("list", { name: "Timeline" });
    await list.getByText("step 0").first().waitFor();
    const slowest = await list.evaluate(async (element) => {
      const times: number[] = [];
      for (let at = 0; at < 60; at += 1) {
        const began = performance.now();
        element.scrollTop = (at * element.scrollHeight) / 60;
        await new Promise(requestAnimationFrame);
        await new Promise(requestAnimationFrame);
        times.push(performance.now() - began);
      }
      return times.toSorted((a, b) => a - b)[54]!;
    });
    // Two frames are 33 ms; the machine that tests may be busy.
    expect(slowest).toBeLessThan(250);
    expect(await page.getByRole("listitem").count()).toBeLessThan(80);
    await list.focus();
    await page.keyboard.press("End");
    await page
      .getByRole("complementary")
      .getByText(/^as number|in attempt 1, as number/)
      .waitFor();
    expect(noise).toEqual([]);
    await page.close();
  });

  test("what is not there says so with a next step", async () => {
    const { page } = await open(browser, `${chiron.url}/runs/01900000-0000-7000-8000-000000000000`, /404/);
    await page.getByRole("alert").getByText("workflow run not found").waitFor();
    await page.goto(`${chiron.url}/runs/x/y`);
    await page.getByRole("alert").waitFor();
    await page.close();
  });

  test("dark and light follow the system, and the keyboard's place is visible", async () => {
    const backs: string[] = [];
    for (const colorScheme of ["light", "dark"] as const) {
      const context = await browser.newContext({ colorScheme });
      const { page } = await open(context, `${chiron.url}/`);
      await page.getByText("● live").waitFor();
      backs.push(await page.evaluate(() => getComputedStyle(document.body).backgroundColor));
      await page.keyboard.press("Tab");
      await page.keyboard.press("Tab");
      expect(await page.evaluate(() => getComputedStyle(document.activeElement!).outlineStyle)).toBe("solid");
      await context.close();
    }
    expect(backs[0]).not.toBe(backs[1]);
  });

  test("the page goes on by itself when the server comes back", async () => {
    const { port } = new URL(chiron.url);
    const { page } = await open(browser, `${chiron.url}/`, /console: |request/);
    await page.getByText("● live").waitFor();
    await chiron.kill();
    await page.getByText("✘ not connected").waitFor();
    chiron = await startChiron(project, {}, ["--port", port]);
    await page.getByText("● live").waitFor();
    await create("greet", { name: "after the restart" });
    await page.getByText("after the restart").first().waitFor();
    await page.close();
  });
});

test("the page's scripts are under 150 kB, compressed", () => {
  const folder = path.join(import.meta.dirname, "../../dist/devtools/assets");
  const scripts = fs.readdirSync(folder).filter((name) => name.endsWith(".js"));
  const bytes = scripts.map((name) => gzipSync(fs.readFileSync(path.join(folder, name))).length);
  expect(bytes.reduce((sum, size) => sum + size, 0)).toBeLessThan(150_000);
});
