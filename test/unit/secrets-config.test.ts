import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { loadConfig } from "../../src/config/config.ts";
import { secretsOf } from "../../src/config/secrets.ts";

let root = "";
beforeEach(() => {
  root = fs.mkdtempSync(path.join(os.tmpdir(), "chiron-secrets-"));
});
afterEach(() => fs.rmSync(root, { recursive: true }));
const write = (name: string, text: string): void => fs.writeFileSync(path.join(root, name), text);

const named = (env: Record<string, string>, section = {}): string[] => secretsOf(env, section).map(({ name }) => name);

test("a variable is a secret by its name", () => {
  const value = "0123456789";
  const secret = [
    "SLACK_BOT_TOKEN",
    "API_KEY",
    "OPENAI_API_KEY",
    "DB_PASSWORD",
    "PGPASSWORD",
    "MY_SECRET_VALUE",
    "githubToken",
  ];
  const plain = ["KEYBOARD", "PWD", "HOME", "TOKENIZER", "MONKEY", "PATH", "SSH_AUTH_SOCK"];
  const env = Object.fromEntries([...secret, ...plain].map((name) => [name, value]));
  expect(named(env)).toEqual(secret);
});

test("a password inside an address is a secret, written and decoded", () => {
  const found = secretsOf({ DATABASE_URL: "postgres://app:p%40ssw0rd!@db/main", PROXY: "http://localhost:3128" });
  expect(found).toEqual([
    { name: "DATABASE_URL", value: "p%40ssw0rd!" },
    { name: "DATABASE_URL", value: "p@ssw0rd!" },
  ]);
});

test("the project names more of them, and some that are none", () => {
  const env = { ACME_PIN: "12345678", TEAM_KEY: "chiron-team", OTHER_TOKEN: "abcdefgh" };
  expect(named(env, { names: ["ACME_*"], ignore: ["TEAM_KEY"] })).toEqual(["ACME_PIN", "OTHER_TOKEN"]);
});

test("neither a path to an existing file nor a word from everyday's settings is one", () => {
  write("key.json", "{}");
  expect(named({ GOOGLE_APPLICATION_CREDENTIALS: path.join(root, "key.json"), DB_PASSWORD: "postgres" })).toEqual([]);
});

test("of a key of several lines each is hidden", () => {
  const line = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC";
  const pem = `-----BEGIN PRIVATE KEY-----\n${line}\n-----END PRIVATE KEY-----`;
  expect(secretsOf({ SIGNING_KEY: pem }).map(({ value }) => value)).toEqual([pem, line]);
});

test(".env and .env.local are read where that is asked for, beneath the real environment", () => {
  write(".env", "A=env\nB=env\nexport C='from env # not a comment'\n");
  write(".env.local", "B=local\nREAL=local\n");
  const { env } = loadConfig(root, { REAL: "real", EMPTY: "" }, { dotenv: true });
  expect(env).toMatchObject({ A: "env", B: "local", C: "from env # not a comment", REAL: "real", EMPTY: "" });
  expect(loadConfig(root, { REAL: "real" }).env).toEqual({ REAL: "real" });
});

test("a .env that cannot be read is named", () => {
  fs.mkdirSync(path.join(root, ".env"));
  expect(() => loadConfig(root, {}, { dotenv: true })).toThrow(/\.env cannot be read/);
});
