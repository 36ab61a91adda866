// Webhooks with their verdicts, schedules with their fires, the outbox with what would have left.
import { createHmac } from "node:crypto";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { makeProject, startChiron, type Chiron, type Project } from "../support/chiron-process.ts";
import { CHROMIUM, launch, open, WITHOUT } from "./browser.ts";
import { PAYLOADS } from "./payloads.ts";

const SECRET = "It's a Secret to Everybody";
const TRIAGE = `
WORKFLOW_NAME = "triage"
WEBHOOKS = [
    {"slug": "issues", "provider": "github",
     "auth": {"type": "github_hmac", "secret_ref": "GITHUB_WEBHOOK_SECRET"},
     "trigger_key": {"type": "header", "name": "X-GitHub-Delivery"}},
    {"slug": "unset", "auth": {"type": "bearer", "secret_ref": "NEVER_SET"}},
]

async def handler(inp, ctx):
    return "seen"
`;
const NIGHTLY = `
WORKFLOW_NAME = "nightly"
SCHEDULE = {"schedule_id": "nightly-report", "cron": "30 2 * * *", "timezone": "America/New_York"}

async def handler(inp, ctx):
    return "reported"
`;
const POSTER = `
WORKFLOW_NAME = "poster"

async def handler(inp, ctx):
    await ctx.post_to_slack("#general", inp["text"])
    return "posted"
`;

let project: Project;
let chiron: Chiron;
let browser: Browser;

describe.skipIf(CHROMIUM === null)(CHROMIUM === null ? `skipped: ${WITHOUT}` : "lists", () => {
  beforeAll(async () => {
    const files = { "workflows/triage.py": TRIAGE, "workflows/nightly.py": NIGHTLY, "workflows/poster.py": POSTER };
    project = makeProject(files);
    [chiron, browser] = await Promise.all([startChiron(project, { GITHUB_WEBHOOK_SECRET: SECRET }), launch()]);
  });

  afterAll(async () => {
    await browser?.close();
    await chiron?.kill();
    project?.remove();
  });

  const deliver = async (body: string, key: string, secret: string): Promise<void> => {
    const signature = `sha256=${createHmac("sha256", secret).update(body).digest("hex")}`;
    const headers = { "content-type": "application/json", "x-hub-signature-256": signature, "x-github-delivery": key };
    await fetch(`${chiron.url}/api/webhooks/issues`, { method: "POST", headers, body });
  };

  test("a delivery is seen as it comes, with every check, its run, and why another was rejected", async () => {
    const { page, noise } = await open(browser, `${chiron.url}/webhooks`);
    await page.getByText("GITHUB_WEBHOOK_SECRET set").waitFor();
    await page.getByText("NEVER_SET missing").waitFor();
    await deliver('{"action":"opened"}', "one", SECRET);
    await page.getByRole("button", { name: /✔ accepted 202 issues/ }).click();
    await page.waitForURL(/delivery=/);
    await page.getByRole("list", { name: "Verdict" }).getByText("signature").waitFor();
    await deliver('{"action":"opened"}', "two", "another secret");
    await page.getByRole("button", { name: /✘ rejected 40\d issues/ }).click();
    await page.getByRole("list", { name: "Verdict" }).getByText("✘ signature").waitFor();
    await page.getByRole("button", { name: "accepted", exact: true }).click();
    await page.getByRole("link", { name: /^run / }).click();
    await page.getByRole("link", { name: /delivery/ }).click();
    await page.waitForURL(/\/webhooks\?delivery=/);
    expect(noise).toEqual([]);
    await page.close();
  });

  test("a schedule shows its next fires here and there, and is fired, paused and resumed", async () => {
    const { page, noise } = await open(browser, `${chiron.url}/schedules`);
    await page.getByRole("button", { name: /nightly-report/ }).click();
    const fires = page.getByRole("list", { name: "Next fires" });
    await fires.getByText("02:30:00 America/New_York").first().waitFor();
    expect(await fires.getByRole("listitem").count()).toBe(5);
    await page.getByRole("button", { name: "Fire now…" }).click();
    await page.getByText("chiron schedules fire nightly-report").waitFor();
    await page.getByRole("button", { name: "Fire now", exact: true }).click();
    await page.getByRole("link", { name: /^run / }).waitFor();
    await page.getByRole("button", { name: "Pause…" }).click();
    await page.getByRole("button", { name: "Pause", exact: true }).click();
    await page.getByText("paused", { exact: true }).waitFor();
    await page.getByRole("button", { name: "Resume…" }).click();
    await page.getByRole("button", { name: "Resume", exact: true }).click();
    await page.getByText("active", { exact: true }).waitFor();
    expect(noise).toEqual([]);
    await page.close();
  });

  test("the outbox shows a message with how real it was, hostile ones as text", async () => {
    const text = PAYLOADS.filter((payload) => payload.length < 1_000).join("\n");
    const { page, noise } = await open(browser, `${chiron.url}/outbox`);
    await page.getByText("Nothing went out").waitFor();
    await chiron.post("/api/workflows/runs", { workflow_name: "poster", input: { text } });
    await page.getByRole("button", { name: /post_to_slack.*#general.*stubbed/ }).click();
    await page.getByRole("main").getByText("<script>").first().waitFor();
    await page.getByRole("link", { name: "poster" }).click();
    await page.getByRole("list", { name: "Timeline" }).getByText("ctx.post_to_slack #general").click();
    await page.getByRole("complementary").getByText("<script>").first().waitFor();
    await page.goto(`${chiron.url}/outbox?nature=real`);
    await page.getByText("Nothing went out").waitFor();
    expect(await page.evaluate(() => (window as unknown as { tripped?: unknown }).tripped)).toBeUndefined();
    expect(noise).toEqual([]);
    await page.close();
  });
});
