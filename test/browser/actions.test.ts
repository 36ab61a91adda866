// What a person does on the page: start, cancel, retry, send, move the clock, mend a file, all of it by the keyboard too.
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { makeProject, startChiron, type Chiron, type Project } from "../support/chiron-process.ts";
import { CHROMIUM, launch, open, WITHOUT } from "./browser.ts";

const ORDER = `
from dataclasses import dataclass
WORKFLOW_NAME = "order"

@dataclass
class Input:
    item: str
    count: int = 3
    gift: bool = False

async def handler(inp, ctx):
    """Takes an order."""
    done = await ctx.wait_for_event("paid", "order.paid", inp.item)
    return {"item": inp.item, "count": inp.count, "gift": inp.gift, "paid": done}
`;

const DOOMED = `
WORKFLOW_NAME = "doomed"

async def handler(inp, ctx):
    raise ValueError("never works")
`;

const NAPPER = `
WORKFLOW_NAME = "napper"

async def handler(inp, ctx):
    await ctx.sleep("night", 86400)
    return "rested"
`;

let project: Project;
let chiron: Chiron;
let browser: Browser;

describe.skipIf(CHROMIUM === null)(CHROMIUM === null ? `skipped: ${WITHOUT}` : "actions", () => {
  beforeAll(async () => {
    const files = { "workflows/order.py": ORDER, "workflows/doomed.py": DOOMED, "workflows/napper.py": NAPPER };
    project = makeProject(files);
    [chiron, browser] = await Promise.all([startChiron(project), launch()]);
  });

  afterAll(async () => {
    await browser?.close();
    await chiron?.kill();
    project?.remove();
  });

  const start = async (workflow_name: string, input: unknown, more: object = {}): Promise<string> =>
    (await chiron.post("/api/workflows/runs", { workflow_name, input, ...more })).body.task_id as string;

  test("the palette starts a workflow from a form of its Input, with the equivalent command", async () => {
    const { page, noise } = await open(browser, `${chiron.url}/`);
    await page.getByRole("button", { name: "Start…" }).waitFor();
    await page.getByLabel("Reload state").getByText("3 workflows").waitFor();
    await page.keyboard.press("Control+k");
    await page.keyboard.type("start order");
    await page.keyboard.press("Enter");
    const form = page.getByRole("dialog", { name: "Start a workflow" });
    await form.getByLabel("item (required)").fill("tea <b>'x'");
    await form.getByLabel("count").fill("12345678901234567890");
    await form.getByLabel("gift").selectOption("true");
    const command = `chiron run order --input '{"item": "tea <b>'\\''x'\\''", "count": 12345678901234567890, "gift": true}'`;
    await form.getByText(command).waitFor();
    await form.getByRole("button", { name: "Start" }).click();
    await page.waitForURL(/\/runs\/[0-9a-f-]{36}$/);
    await page.getByRole("button", { name: "Send event…" }).click();
    const send = page.getByRole("dialog", { name: "Send an event" });
    await send.getByLabel("Payload").fill("{");
    expect(await send.getByRole("button", { name: "Send" }).isDisabled()).toBe(true);
    await send.getByLabel("Payload").fill('{"total": 12}');
    await send.getByText("chiron events emit --type order.paid").waitFor();
    await send.getByRole("button", { name: "Send" }).click();
    await page.getByRole("heading", { level: 1 }).getByText("completed").waitFor();
    const detail = page.getByRole("complementary", { name: "Details" });
    expect(await detail.getByText("12345678901234567890").count()).toBe(2);
    await page.getByRole("link", { name: "Stream" }).click();
    const stream = page.getByRole("list", { name: "Events" });
    await stream.getByText("run.completed").first().waitFor();
    await page.getByRole("button", { name: /^events 1/ }).click();
    await page.waitForURL(/kind=events$/);
    await stream.getByText("event.emitted").first().waitFor();
    expect(await stream.getByText("run.completed").count()).toBe(0);
    expect(noise).toEqual([]);
    await page.close();
  });

  test("a run is cancelled, and a failed one gets another attempt", async () => {
    const waiting = await start("order", { item: "cake" });
    const { page, noise } = await open(browser, `${chiron.url}/runs/${waiting}`);
    await page.getByRole("button", { name: "Cancel…" }).click();
    await page.getByText(`chiron runs cancel ${waiting}`).waitFor();
    await page.getByRole("button", { name: "Cancel the run" }).click();
    await page.getByRole("heading", { level: 1 }).getByText("cancelled").waitFor();
    const failed = await start("doomed", {}, { max_attempts: 1 });
    await chiron.finished(failed);
    await page.goto(`${chiron.url}/runs/${failed}`);
    await page.getByRole("button", { name: "Retry…" }).click();
    await page.getByRole("button", { name: "Retry", exact: true }).click();
    await page.getByRole("list", { name: "Timeline" }).getByText("Attempt 2").waitFor();
    expect(noise).toEqual([]);
    await page.close();
  });

  test("a file that does not load is red with its place, and green when it is mended", async () => {
    const { page, noise } = await open(browser, `${chiron.url}/problems`);
    await page.getByText("Everything loads").waitFor();
    project.write("workflows/doomed.py", `${DOOMED}\ndef broken(:\n`);
    await page.getByLabel("Reload state").getByText("1 not loaded").waitFor();
    const problem = page.getByRole("group", { name: "error" });
    await problem
      .getByText(/doomed\.py:\d+/)
      .first()
      .waitFor();
    await page.getByText("an older version, until the file loads again").waitFor();
    project.write("workflows/doomed.py", DOOMED);
    await page.getByText("Everything loads").waitFor();
    expect(noise).toEqual([]);
    await page.close();
  });

  test("the clock goes to the next wake, and says that it is not the machine's", async () => {
    const id = await start("napper", {});
    const { page, noise } = await open(browser, `${chiron.url}/runs/${id}`);
    await page.getByRole("heading", { level: 1 }).getByText("sleeping").waitFor();
    await page.getByRole("button", { name: "Clock" }).click();
    await page.getByRole("button", { name: "Advance to the next wake" }).click();
    await page.getByRole("heading", { level: 1 }).getByText("completed").waitFor();
    await page
      .getByRole("button", { name: "Clock" })
      .getByText(/virtual/)
      .waitFor();
    expect(noise).toEqual([]);
    await page.close();
  });

  test("every key of the sheet does what it says", async () => {
    const { page, noise } = await open(browser, `${chiron.url}/`);
    await page.getByRole("button", { name: "Start…" }).waitFor();
    await page.keyboard.press("?");
    const sheet = page.getByRole("dialog", { name: "Keys" });
    const rows = await sheet.getByRole("row").allInnerTexts();
    await page.keyboard.press("Escape");
    await sheet.waitFor({ state: "detached" });
    const views = rows.map((row) => /^g (\w)\s+go to (.*)$/.exec(row)).filter((match) => match !== null);
    expect(views.length).toBeGreaterThanOrEqual(3);
    for (const [, key, label] of views) {
      await page.keyboard.press("g");
      await page.keyboard.press(key!);
      await page.locator(`nav a[aria-current=page]`, { hasText: label! }).waitFor();
    }
    await page.keyboard.press("[");
    await page.locator(`nav a[aria-current=page]`, { hasText: views.at(-2)![2]! }).waitFor();
    await page.keyboard.press("]");
    await page.locator(`nav a[aria-current=page]`, { hasText: views.at(-1)![2]! }).waitFor();
    for (const [key, title] of [
      ["n", "Start a workflow"],
      ["e", "Send an event"],
    ] as const) {
      // prettier-ignore
      await page.keyboard.press(key);
      await page.getByRole("dialog", { name: title }).waitFor();
      await page.keyboard.press("Escape");
      await page.getByRole("dialog").waitFor({ state: "detached" });
    }
    await page.keyboard.press("g");
    await page.keyboard.press("r");
    await page.getByRole("list", { name: "Runs" }).waitFor();
    await page.keyboard.press("/");
    expect(await page.getByRole("searchbox").evaluate((element) => element === document.activeElement)).toBe(true);
    await page.keyboard.press("Escape");
    await page.keyboard.press("l");
    await page.keyboard.press("j");
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("k");
    await page.keyboard.press("Enter");
    await page.waitForURL(/\/runs\/[0-9a-f-]{36}$/);
    expect(noise).toEqual([]);
    await page.close();
  });
});
