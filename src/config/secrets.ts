// Which variables hold secrets, and the files .env and .env.local that bring some on a developer's machine. A variable of the real
// environment always wins over a file.
import fs from "node:fs";
import path from "node:path";
import { parseEnv } from "node:util";
import { z } from "zod";
import { ChironError, messageOf } from "../core/errors.ts";
import { SHORTEST_SECRET, type Secret } from "../core/redaction.ts";
import type { Environment } from "./config.ts";

export const secretsSchema = z.strictObject({
  names: z.array(z.string().min(1)).optional(),
  ignore: z.array(z.string().min(1)).optional(),
});
type SecretsSection = z.infer<typeof secretsSchema>;

/** A part of a name, between underscores, that makes its variable a secret. */
const TELLING =
  /^(?:.*(?:TOKEN|TOKENS|SECRET|SECRETS|PASSWORD|PASSWORDS|PASSWD|PASSPHRASE|CREDENTIALS?|APIKEY|PRIVATEKEY)|KEYS?|PAT|DSN)$/;
/** Values that stand for nothing, or are in every other line. */
const COMMON: ReadonlySet<string> = new Set(["password", "secret", "postgres", "localhost", "changeme", "development"]);

/** Files later in the list win. */
const FILES = [".env", ".env.local"];

/** The environment with what the project's files add to it. Throws ChironError config_invalid. */
export function withDotenv(root: string, env: Environment): Environment {
  const added: Record<string, string | undefined> = {};
  for (const name of FILES) Object.assign(added, read(path.join(root, name)));
  return { ...added, ...env };
}

function read(file: string): NodeJS.Dict<string> {
  try {
    return parseEnv(fs.readFileSync(file, "utf8"));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return {};
    throw new ChironError("config_invalid", `${file} cannot be read: ${messageOf(error)}`, { cause: error });
  }
}

/** Every secret of the environment: variables whose names tell it, those that the project names, and passwords inside addresses. */
export function secretsOf(env: Environment, section: SecretsSection = {}): Secret[] {
  const named = matcher(section.names ?? []);
  const ignored = matcher(section.ignore ?? []);
  const secrets: Secret[] = [];
  for (const [name, value] of Object.entries(env)) {
    if (value === undefined || ignored(name)) continue;
    if (named(name) || (isTelling(name) && !isPath(value))) add(secrets, name, value);
    for (const password of passwordsIn(value)) add(secrets, name, password);
  }
  return secrets;
}

function add(secrets: Secret[], name: string, value: string): void {
  const trimmed = value.trim();
  if (trimmed.length < SHORTEST_SECRET || COMMON.has(trimmed.toLowerCase())) return;
  secrets.push({ name, value: trimmed });
  // A key of several lines is printed line by line.
  const lines = trimmed.split(/\r?\n/).filter((line) => line.length >= 24 && !line.startsWith("-----"));
  if (trimmed.includes("\n")) for (const line of lines) secrets.push({ name, value: line });
}

function isTelling(name: string): boolean {
  return name
    .toUpperCase()
    .split(/[_.-]/)
    .some((part) => TELLING.test(part));
}

/** GOOGLE_APPLICATION_CREDENTIALS and its like name a file; a secret may begin with a slash too, and then no such file exists. */
function isPath(value: string): boolean {
  return /^[~./]/.test(value) && fs.existsSync(value);
}

/** Of an address such as postgres://user:password@host, as it is written there and as it is meant. */
function passwordsIn(value: string): string[] {
  const found = /^[a-z][a-z0-9+.-]*:\/\/[^/?#@\s:]*:([^/?#@\s]+)@/i.exec(value)?.[1];
  if (found === undefined) return [];
  try {
    return [found, decodeURIComponent(found)];
  } catch {
    return [found];
  }
}

/** Whether one of these names fits; `*` stands for anything. */
function matcher(names: readonly string[]): (name: string) => boolean {
  const patterns = names.map((name) => new RegExp(`^${name.split("*").map(quoted).join(".*")}$`));
  return (name) => patterns.some((pattern) => pattern.test(name));
}

function quoted(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
}
