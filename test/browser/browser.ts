// One real Chromium for a test file: the system's own. Every page it opens must stay silent: an error, a dialog, a refused policy or a
// request to another host is kept, and `silent` fails on it.
import fs from "node:fs";
import { chromium, type Browser, type BrowserContext, type Page } from "playwright-core";

const PLACES = [
  process.env["CHROMIUM_PATH"],
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
];

/** Null: there is none here, and the tests say so. */
export const CHROMIUM = PLACES.find((place) => place !== undefined && fs.existsSync(place)) ?? null;
export const WITHOUT = "there is no Chromium here (Debian: apt-get install chromium; elsewhere set CHROMIUM_PATH)";

export interface Watched {
  readonly page: Page;
  /** What went wrong in it so far. */
  readonly noise: readonly string[];
}

export function launch(args: readonly string[] = []): Promise<Browser> {
  // As root, in a container, Chromium has no sandbox of its own.
  const sandbox = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
  return chromium.launch({ executablePath: CHROMIUM!, args: [...sandbox, "--disable-dev-shm-usage", ...args] });
}

/** A page at this address that may talk to this server only. */
export async function open(context: BrowserContext | Browser, url: string, expected: RegExp = /^$/): Promise<Watched> {
  const page = await context.newPage();
  const noise: string[] = [];
  const heard = (text: string): void => void (expected.test(text) || noise.push(text));
  const { host } = new URL(url);
  page.on("pageerror", (error) => heard(`error: ${error.message}`));
  page.on("dialog", (dialog) => {
    heard(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on("console", (message) => {
    if (message.type() === "error") heard(`console: ${message.text()}`);
  });
  page.on("request", (request) => {
    if (!request.url().startsWith("data:") && new URL(request.url()).host !== host) heard(`request: ${request.url()}`);
  });
  await page.goto(url);
  return { page, noise };
}
