// Absurd's own tool from PyPI, which installs Absurd's own schema: used from outside, never read. `tool` is null where it cannot be had
// (no network, no venv); `reason` then says why.
import { spawnSync } from "node:child_process";
import { pythonPackage } from "./python-package.ts";

export const ABSURD_VERSION = "0.5.1";

/** Runs the tool on a database; answers what it printed. */
export type AbsurdTool = (connectionString: string, ...args: string[]) => string;

/** The tool, installed when it is asked for the first time. */
export function absurdTool(): { readonly tool: AbsurdTool | null; readonly reason: string } {
  const { python, reason } = pythonPackage(`absurdctl==${ABSURD_VERSION}`);
  return { tool: python === null ? null : (url, ...args) => run(python, url, args), reason };
}

function run(python: string, connectionString: string, args: readonly string[]): string {
  const { hostname, username, pathname } = new URL(connectionString);
  const env = { ...process.env, PGHOST: decodeURIComponent(hostname), PGUSER: username, PGDATABASE: pathname.slice(1) };
  const command = ["-c", "from absurdctl import main; main()", ...args];
  const { status, stdout, stderr } = spawnSync(python, command, { env, encoding: "utf8", timeout: 20_000 });
  if (status !== 0) throw new Error(`absurdctl ${args.join(" ")} ended with ${status}: ${stderr.slice(-500)}`);
  return stdout;
}
