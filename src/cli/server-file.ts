// How a command finds the server that runs for this store: a small file beside the database, believed only while its process answers.
import fs from "node:fs";
import path from "node:path";
import type { Config } from "../config/config.ts";

export interface ServerFile {
  readonly pid: number;
  readonly url: string;
}

function fileOf(config: Config): string {
  return path.join(path.dirname(config.storePath), `${path.basename(config.storePath)}.server.json`);
}

export function writeServerFile(config: Config, server: ServerFile): void {
  fs.writeFileSync(fileOf(config), JSON.stringify(server), { mode: 0o600 });
}

export function removeServerFile(config: Config): void {
  fs.rmSync(fileOf(config), { force: true });
}

/** The server's address, or null when none was written or what was written is not a server file. */
export function readServerFile(config: Config): ServerFile | null {
  try {
    const value = JSON.parse(fs.readFileSync(fileOf(config), "utf8")) as Partial<ServerFile>;
    return typeof value.pid === "number" && typeof value.url === "string" ? { pid: value.pid, url: value.url } : null;
  } catch {
    return null;
  }
}
