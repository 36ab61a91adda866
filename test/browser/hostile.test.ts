// Whatever a run carries is shown as text. Forty payloads stand in every field a stranger can fill; the tripwire is any script that runs,
// any dialog, any request to another host, any element that came out of a text.
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { makeProject, startChiron, type Chiron, type Project } from "../support/chiron-process.ts";
import { CHROMIUM, launch, open, WITHOUT } from "./browser.ts";
import { PAYLOADS } from "./payloads.ts";

const ECHO = `
WORKFLOW_NAME = "echo"

async def handler(inp, ctx):
    text = inp["text"]
    for number, name in enumerate(inp["names"]):
        await ctx.step(f"{number} {name}"[:200], lambda: {name[:500]: name})
        ctx.log(name[:1000], field=name[:1000])
        print(name[:1000])
    if inp["fails"]:
        raise ValueError("\\n".join(name[:300] for name in inp["names"]))
    await ctx.wait_for_event(text[:100], text[:100], text[:100])
`;

let project: Project;
let chiron: Chiron;
let browser: Browser;

describe.skipIf(CHROMIUM === null)(CHROMIUM === null ? `skipped: ${WITHOUT}` : "hostile texts", () => {
  beforeAll(async () => {
    project = makeProject({ "workflows/echo.py": ECHO });
    [chiron, browser] = await Promise.all([startChiron(project), launch()]);
  });

  afterAll(async () => {
    await browser?.close();
    await chiron?.kill();
    project?.remove();
  });

  const quiet = async (url: string, visit: (page: Awaited<ReturnType<typeof open>>["page"]) => Promise<void>) => {
    const { page, noise } = await open(browser, url);
    await visit(page);
    expect(noise).toEqual([]);
    expect(await page.evaluate(() => (window as unknown as { tripped?: unknown }).tripped)).toBeUndefined();
    const strange = "#page :is(script, iframe, img, svg, object, embed, form, style, link, meta, base, video, marquee)";
    expect(await page.locator(strange).count()).toBe(0);
    expect(await page.locator("#page a[href^='javascript:' i], #page a[href^='data:' i]").count()).toBe(0);
    await page.close();
  };

  test("forty of them are there", () => {
    expect(new Set(PAYLOADS).size).toBe(PAYLOADS.length);
    expect(PAYLOADS.length).toBeGreaterThanOrEqual(40);
  });

  test("in steps, values, logs and waits of a run they are text", async () => {
    const input = { text: PAYLOADS[0], names: PAYLOADS, fails: false };
    const body = { workflow_name: "echo", input, idempotency_key: PAYLOADS[0] };
    const { task_id: id } = (await chiron.post("/api/workflows/runs", body)).body as { task_id: string };
    await quiet(`${chiron.url}/runs/${id}`, async (page) => {
      await page.getByRole("heading", { level: 1 }).getByText("sleeping").waitFor();
      const list = page.getByRole("list", { name: "Timeline" });
      await list.getByText("<script>").first().waitFor();
      await page.getByRole("list", { name: "Log lines" }).getByText("<script>").first().waitFor();
      await list.focus();
      for (let at = 0; at < PAYLOADS.length; at += 1) await page.keyboard.press("ArrowDown");
      await page.getByRole("complementary").getByRole("button").first().waitFor();
    });
    await quiet(`${chiron.url}/runs`, (page) => page.getByRole("listitem").getByText("echo").first().waitFor());
  });

  test("in a failure's message and traceback they are text, and no mark turns the direction", async () => {
    const body = { workflow_name: "echo", input: { text: "x", names: PAYLOADS, fails: true }, max_attempts: 1 };
    const { task_id: id } = (await chiron.post("/api/workflows/runs", body)).body as { task_id: string };
    await chiron.finished(id);
    await quiet(`${chiron.url}/runs/${id}`, async (page) => {
      const failure = page.getByRole("region", { name: "Failure" });
      await failure.getByText("\\u202e", { exact: false }).first().waitFor();
      expect(await page.locator("#page").innerText()).not.toMatch(/[\u202a-\u202e\u2066-\u2069]/);
    });
  });

  test("in the page's own address they are text", async () => {
    const { page, noise } = await open(browser, `${chiron.url}/`, /status of 4/);
    for (const payload of PAYLOADS.slice(0, 8)) {
      const word = encodeURIComponent(payload.slice(0, 500));
      await page.goto(`${chiron.url}/runs?q=${word}&workflow=${word}`);
      await page.getByText("● live").waitFor();
      expect(noise).toEqual([]);
    }
    await page.close();
  });

  test("a script that got in by itself would not run", async () => {
    const { page, noise } = await open(browser, `${chiron.url}/`);
    await page.getByText("● live").waitFor();
    const outcome = await page.evaluate(() => {
      try {
        document.body.innerHTML = "<img src=x onerror='window.tripped=1'>";
        return "accepted";
      } catch (error) {
        return (error as Error).name;
      }
    });
    expect(outcome).toBe("TypeError");
    expect(noise.join()).toContain("TrustedHTML");
    await page.close();
  });
});
