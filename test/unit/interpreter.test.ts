// Which Python is chosen, what is said when there is none, and what of the environment it gets.
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { beforeAll, expect, onTestFinished, test } from "vitest";
import { childEnvironment } from "../../src/core/child-environment.ts";
import { findInterpreter } from "../../adapters/python/interpreter.ts";

let real = "";

beforeAll(async () => {
  real = (await findInterpreter({ dirs: [], env: process.env })).path;
});

function folder(): string {
  const root = fs.mkdtempSync(path.join(os.tmpdir(), "chiron-interpreter-"));
  onTestFinished(() => fs.rmSync(root, { recursive: true, force: true }));
  return root;
}

function makeEnvironment(parent: string): string {
  const made = spawnSync(real, ["-m", "venv", "--without-pip", path.join(parent, ".venv")], { encoding: "utf8" });
  expect(made.stderr).toBe("");
  return path.join(parent, ".venv");
}

/** A program that says it is Python. */
function pretend(parent: string, name: string, says: string): string {
  const file = path.join(parent, name);
  fs.writeFileSync(file, `#!/bin/sh\n${says}\n`, { mode: 0o755 });
  return file;
}

test("python3 of the PATH is resolved past a shim to the interpreter itself", async () => {
  const bin = folder();
  pretend(bin, "python3", `exec ${real} "$@"`);
  const found = await findInterpreter({ dirs: [], env: { PATH: `${bin}:/bin:/usr/bin` } });
  expect(found.path).toBe(real);
  expect(found.version).toMatch(/^3\.\d+\.\d+$/);
});

test("an environment beside or above a workflow folder is used, and stays that environment", async () => {
  const root = folder();
  const venv = makeEnvironment(root);
  const dir = path.join(root, "a", "workflows");
  const env = { PATH: process.env["PATH"] };
  expect((await findInterpreter({ dirs: [dir], env })).path).toBe(path.join(venv, "bin", "python"));
});

test("an active environment wins over the one beside the folder, a named interpreter over both", async () => {
  const active = makeEnvironment(folder());
  const root = folder();
  makeEnvironment(root);
  const env = { PATH: process.env["PATH"], VIRTUAL_ENV: active };
  expect((await findInterpreter({ dirs: [root], env })).path).toBe(path.join(active, "bin", "python"));
  expect((await findInterpreter({ python: real, dirs: [root], env })).path).toBe(real);
});

test("no Python at all is an error that says what to do", async () => {
  const finding = findInterpreter({ dirs: [], env: { PATH: folder() } });
  await expect(finding).rejects.toMatchObject({ code: "python_missing", hint: expect.stringContaining("--python") });
});

test("a Python that is too old is named with its version", async () => {
  const old = pretend(folder(), "python3.9", "echo /opt/python3.9; echo 3.9.18");
  await expect(findInterpreter({ python: old, dirs: [], env: {} })).rejects.toMatchObject({
    code: "python_missing",
    message: expect.stringContaining("3.9.18"),
  });
});

test("a program that is not Python is refused with what it said", async () => {
  const other = pretend(folder(), "python3", "echo broken shim >&2; exit 3");
  await expect(findInterpreter({ python: other, dirs: [], env: {} })).rejects.toMatchObject({
    code: "python_missing",
    message: expect.stringContaining("broken shim"),
  });
});

test("the child gets everything except what belongs to the runtime", () => {
  const env = {
    DATABASE_URL: "postgres://",
    OPENAI_API_KEY: "sk",
    SLACK_BOT_TOKEN: "xoxb",
    https_proxy: "http://proxy",
    CENTAUR_JWT_SIGNING_SECRET: "no",
    CENTAUR_API_KEY: "no",
    CHIRON_API_KEY: "no",
    CHIRON_DB: "no",
    ABSENT: undefined,
  };
  expect(Object.keys(childEnvironment(env))).toEqual([
    "DATABASE_URL",
    "OPENAI_API_KEY",
    "SLACK_BOT_TOKEN",
    "https_proxy",
  ]);
});

test("an allow-list keeps its names and what an interpreter needs, never a withheld one", () => {
  const env = { PATH: "/bin", LC_ALL: "C", DATABASE_URL: "x", OTHER: "y", CHIRON_API_KEY: "no" };
  expect(Object.keys(childEnvironment(env, ["DATABASE_URL", "CHIRON_API_KEY"]))).toEqual([
    "PATH",
    "LC_ALL",
    "DATABASE_URL",
  ]);
});
