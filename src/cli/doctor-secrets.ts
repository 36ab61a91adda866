// What `chiron doctor` asks about secrets: that the project's .env files do not end up in git, and whose values are masked.
import { execFile } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import type { Examination } from "./examination.ts";

const run = promisify(execFile);
const GIT_MS = 5_000;

export const checkSecrets: Examination = async ({ config }) => {
  const files = [".env", ".env.local"].filter((file) => fs.existsSync(path.join(config.root, file)));
  const exposed: string[] = [];
  for (const file of files) if (await isExposed(config.root, file)) exposed.push(file);
  if (exposed.length > 0) {
    const fix = `Put ${exposed.join(" and ")} into .gitignore; what is committed already: git rm --cached ${exposed.join(" ")}`;
    return { name: "secrets", status: "warn", message: `git does not ignore ${exposed.join(" and ")}`, fix };
  }
  const names = [...new Set(config.secrets.map(({ name }) => name))];
  const read = files.length === 0 ? "" : `; dev reads ${files.join(" and ")}`;
  const masked = names.length === 0 ? "no variable looks like one" : `masked: ${names.toSorted().join(", ")}`;
  return { name: "secrets", status: "ok", message: masked + read };
};

/** In a git repository, and either tracked or free to be. Without git there is nothing to say. */
async function isExposed(root: string, file: string): Promise<boolean> {
  try {
    await run("git", ["-C", root, "check-ignore", "-q", "--no-index", file], { timeout: GIT_MS });
    return await isTracked(root, file);
  } catch (error) {
    return (error as { code?: unknown }).code === 1;
  }
}

async function isTracked(root: string, file: string): Promise<boolean> {
  return (await run("git", ["-C", root, "ls-files", "--", file], { timeout: GIT_MS })).stdout.trim() !== "";
}
