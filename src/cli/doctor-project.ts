// What `chiron doctor` asks of the project: interpreter, workflow folders, store, server, port, keys.
import { execFile } from "node:child_process";
import fs from "node:fs";
import net from "node:net";
import path from "node:path";
import { promisify } from "node:util";
import { check } from "../catalog/check.ts";
import type { Config } from "../config/config.ts";
import { ChironError, messageOf } from "../core/errors.ts";
import { nearestFolder } from "./doctor-machine.ts";
import type { Diagnosis, Examination } from "./examination.ts";
import { readServerFile } from "./server-file.ts";
import { formatBytes } from "./value-text.ts";
import { shownPath } from "./workflows.ts";

const run = promisify(execFile);
const ANSWER_MS = 2_000;
const PYTHON_MS = 10_000;
const LOOPBACK = new Set(["127.0.0.1", "::1", "localhost"]);

export const checkPython: Examination = async ({ wiring, config }) => {
  try {
    const { path: python, version } = await wiring.findPython(config);
    const asyncpg = await asyncpgVersion(python);
    const message = `${version} at ${python}, ${asyncpg ? `asyncpg ${asyncpg}` : "no asyncpg"}`;
    if (asyncpg || !config.env["DATABASE_URL"]?.trim()) return { name: "python", status: "ok", message };
    const fix = `${python} -m pip install asyncpg (DATABASE_URL is set, but ctx._pool stays None without it).`;
    return { name: "python", status: "warn", message, fix };
  } catch (error) {
    const fix = error instanceof ChironError ? error.hint : undefined;
    const advice = fix ?? "Install Python 3.10 or newer, or name one with --python.";
    return { name: "python", status: "fail", message: messageOf(error), fix: advice };
  }
};

async function asyncpgVersion(python: string): Promise<string | null> {
  try {
    const script = "import asyncpg; print(asyncpg.__version__)";
    return (await run(python, ["-c", script], { timeout: PYTHON_MS })).stdout.trim();
  } catch {
    return null;
  }
}

export const checkWorkflows: Examination = async ({ wiring, config }) => {
  const shown = config.dirs.map((dir) => shownPath(dir, config.root)).join(", ");
  const present = config.dirs.filter((dir) => fs.existsSync(dir));
  if (present.length === 0) {
    const fix = 'Make one with "chiron init", or name the folders in WORKFLOW_DIRS or chiron.toml.';
    return { name: "workflows", status: "warn", message: `${shown} does not exist`, fix };
  }
  const options = { ...config.schedules, now: Date.now() };
  const { files, counts } = await check((dirs) => wiring.analyse(config, dirs), present, options);
  const missing = config.dirs.length - present.length;
  const gone = missing > 0 ? `, ${missing} of the folders missing` : "";
  const message = `${files} ${files === 1 ? "file" : "files"} in ${shown}${gone}`;
  if (counts.error > 0) {
    const found = `${message}: ${counts.error} ${counts.error === 1 ? "error" : "errors"}`;
    return { name: "workflows", status: "fail", message: found, fix: 'See them with "chiron check".' };
  }
  if (files === 0) {
    return { name: "workflows", status: "warn", message, fix: 'Put a workflow there, or try "chiron init".' };
  }
  return { name: "workflows", status: "ok", message };
};

export const checkStore: Examination = async ({ wiring, config }) => {
  if (config.storeKind === "postgres") return checkPostgres({ wiring, config });
  const place = shownPath(config.storePath, config.root);
  const folder = nearestFolder(path.dirname(config.storePath));
  if (!isWritable(folder)) {
    const fix = "Change the folder's permissions, or put the store elsewhere with --db.";
    return { name: "store", status: "fail", message: `${folder} is not writable`, fix };
  }
  try {
    const report = await wiring.inspectStore(config);
    if (!report)
      return { name: "store", status: "ok", message: `${place} does not exist yet; the first start makes it` };
    const { ownerPid, bytes, kind, version, schema, knownSchema } = report;
    const owner = ownerPid === null ? "in use by nobody" : `in use by process ${ownerPid}`;
    const message = `${place}, ${formatBytes(bytes)}, ${kind} ${version}, schema ${schema}, ${owner}`;
    if (schema > knownSchema) {
      const fix = `It was written by a newer Chiron (this one knows schema ${knownSchema}): use that one.`;
      return { name: "store", status: "fail", message, fix };
    }
    if (!isWritable(config.storePath)) {
      return {
        name: "store",
        status: "fail",
        message: `${message}, not writable`,
        fix: "Change the file's permissions.",
      };
    }
    return { name: "store", status: "ok", message };
  } catch (error) {
    const hint = error instanceof ChironError ? error.hint : undefined;
    return { name: "store", status: "fail", message: messageOf(error), fix: hint ?? "Restore a backup of the file." };
  }
};

/** Only whether it is there; `chiron db doctor` looks at the server. */
const checkPostgres: Examination = async ({ wiring, config }) => {
  try {
    const report = await wiring.inspectStore(config);
    if (!report) return { name: "store", status: "ok", message: "nothing is installed yet; the first start does it" };
    const { location, version, schema, knownSchema } = report;
    const installed = schema === 0 ? "nothing is installed yet" : `schema ${schema}`;
    const message = `${location}, PostgreSQL ${version}, ${installed}`;
    if (schema <= knownSchema) return { name: "store", status: "ok", message };
    const fix = `It was written by a newer Chiron (this one knows schema ${knownSchema}): use that one.`;
    return { name: "store", status: "fail", message, fix };
  } catch (error) {
    const hint = error instanceof ChironError ? error.hint : undefined;
    return { name: "store", status: "fail", message: messageOf(error), fix: hint ?? 'Try "chiron db doctor".' };
  }
};

function isWritable(place: string): boolean {
  try {
    fs.accessSync(place, fs.constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

export const checkServer: Examination = async ({ config, wiring }) => {
  const named = config.env["CHIRON_API_URL"] ?? config.env["CENTAUR_API_URL"];
  const url = named?.replace(/\/+$/, "") ?? readServerFile(config)?.url;
  if (!url) return { name: "server", status: "ok", message: "none runs for this store" };
  const health = await healthOf(url);
  if (!health) {
    if (!named) return { name: "server", status: "ok", message: `none runs; the last one was at ${url}` };
    const fix = "Start it, or unset CHIRON_API_URL and CENTAUR_API_URL.";
    return { name: "server", status: "fail", message: `${url} does not answer`, fix };
  }
  const message = `${health.version} (${health.mode}) at ${url}`;
  const ready = await readiness(url);
  if (ready !== null) {
    return {
      name: "server",
      status: "warn",
      message: `${message} is not ready: ${ready}`,
      fix: "See the server's log.",
    };
  }
  if (health.version === wiring.version) return { name: "server", status: "ok", message };
  const fix = `This command line is ${wiring.version}: restart the server to use the same.`;
  return { name: "server", status: "warn", message, fix };
};

interface Health {
  readonly version: string;
  readonly mode: string;
}

/** What answers at this address, or null when no Chiron does. */
async function healthOf(url: string): Promise<Health | null> {
  try {
    const response = await fetch(`${url}/healthz`, { signal: AbortSignal.timeout(ANSWER_MS) });
    const { version, mode } = (await response.json()) as Partial<Health>;
    return typeof version === "string" && typeof mode === "string" ? { version, mode } : null;
  } catch {
    return null;
  }
}

async function readiness(url: string): Promise<string | null> {
  try {
    const response = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(ANSWER_MS) });
    if (response.ok) return null;
    const { reasons = [] } = (await response.json()) as { reasons?: readonly string[] };
    return reasons.join(", ") || `HTTP ${response.status}`;
  } catch (error) {
    return messageOf(error);
  }
}

export const checkPort: Examination = async ({ config }) => {
  const { host, port } = config;
  const place = `${host}:${port}`;
  const fault = port === 0 ? null : await listenFault(host, port);
  if (fault === null) return { name: "port", status: "ok", message: `${place} is free` };
  if (fault !== "EADDRINUSE") {
    const fix = "Choose an address of this machine and a port above 1023.";
    return { name: "port", status: "fail", message: `${place} cannot be used: ${fault}`, fix };
  }
  const health = await healthOf(`http://${host.includes(":") ? `[${host}]` : host}:${port}`);
  const serves = readServerFile(config);
  if (health && serves?.url.endsWith(`:${port}`)) {
    return { name: "port", status: "ok", message: `${place} is taken by this store's server` };
  }
  const who = health ? `another Chiron (${health.version})` : "another program";
  const fix = '"chiron dev" moves on to the next free port; choose one with --port or server.port.';
  return { name: "port", status: "warn", message: `${place} is taken by ${who}`, fix };
};

/** Listens for a moment; the error's code when that is not possible. */
function listenFault(host: string, port: number): Promise<string | null> {
  return new Promise((resolve) => {
    const server = net.createServer();
    server.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(null)));
  });
}

export const checkKeys: Examination = ({ config }) => keysDiagnosis(config);

export function keysDiagnosis({ envKeys, host }: Pick<Config, "envKeys" | "host">): Diagnosis {
  if (envKeys.length > 0) return { name: "keys", status: "ok", message: "CHIRON_API_KEY or CENTAUR_API_KEY is set" };
  if (LOOPBACK.has(host)) {
    return { name: "keys", status: "ok", message: `no key in the environment; ${host} is open to this machine only` };
  }
  const fix = 'Set CHIRON_API_KEY, or make a key with "chiron keys create".';
  return { name: "keys", status: "warn", message: `no key in the environment, and ${host} is not loopback`, fix };
}
