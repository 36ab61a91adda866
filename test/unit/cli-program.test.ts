// The command line as a contract: every command has help with an example, mistakes exit 2 with a suggestion, errors exit by their code.
import fs from "node:fs";
import type { Command } from "commander";
import { describe, expect, test } from "vitest";
import { createProgram } from "../../src/cli/program.ts";
import { fakeWiring, json, NO_API, runCli } from "./cli-fixture.ts";

const program = await createProgram({
  wiring: fakeWiring(NO_API),
  loadConfig: () => {
    throw new Error("not needed");
  },
  exit: () => undefined,
});

function allCommands(): { readonly name: string; readonly command: Command }[] {
  const walk = (command: Command, prefix: string): { name: string; command: Command }[] =>
    command.commands.flatMap((child) => {
      const name = `${prefix} ${child.name()}`.trim();
      return [{ name, command: child }, ...walk(child, name)];
    });
  return walk(program, "");
}

describe("every command", () => {
  test.each(allCommands().map(({ name }) => name))("%s has help with an example", async (name) => {
    const { exit, stdout } = await runCli([...name.split(" "), "--help"]);
    expect(exit).toBe(0);
    expect(stdout).toContain("Usage: chiron");
    expect(stdout).toMatch(/Examples?:\n\s+\$ /);
  });

  test("that does something has --json", () => {
    const doers = allCommands().filter(({ command }) => command.commands.length === 0);
    const without = doers.filter(({ command }) => !command.options.some((option) => option.long === "--json"));
    expect(without.map(({ name }) => name)).toEqual([]);
  });

  test("stands in the documentation", () => {
    const docs = fs.readFileSync(new URL("../../docs/cli.md", import.meta.url), "utf8");
    const doers = allCommands().filter(({ command }) => command.commands.length === 0);
    expect(doers.map(({ name }) => name).filter((name) => !docs.includes(`chiron ${name}`))).toEqual([]);
  });
});

describe("a mistyped command line", () => {
  test("exits 2 and suggests the command that was meant", async () => {
    const { exit, stderr } = await runCli(["rnu"]);
    expect(exit).toBe(2);
    expect(stderr).toBe("error: unknown command 'rnu'\n  Did you mean run? See \"chiron help\".\n");
  });

  test("exits 2 and suggests the option that was meant", async () => {
    const { exit, stderr } = await runCli(["run", "hello", "--inptu", "1"]);
    expect(exit).toBe(2);
    expect(stderr).toContain("Did you mean --input?");
  });

  test("is answered as JSON when JSON was asked for", async () => {
    const { exit, stdout, stderr } = await runCli(["run", "--json"]);
    expect(exit).toBe(2);
    expect(JSON.parse(stdout)).toMatchObject({
      ok: false,
      code: "bad_request",
      error: "missing required argument 'workflow'",
    });
    expect(stderr).toBe("");
  });

  test("of a group without its command shows the group's help and exits 2", async () => {
    const { exit, stderr } = await runCli(["runs"]);
    expect(exit).toBe(2);
    expect(stderr).toContain("Usage: chiron runs");
  });
});

test("no command at all shows the help", async () => {
  const { stderr, stdout } = await runCli([]);
  expect(stdout + stderr).toContain("Usage: chiron");
});

test("the version is printed by option and by command", async () => {
  expect(await runCli(["--version"])).toMatchObject({ exit: 0, stdout: "9.8.7\n" });
  expect(await runCli(["version"])).toMatchObject({ exit: 0, stdout: "9.8.7\n" });
  expect(JSON.parse((await runCli(["version", "--json"])).stdout)).toMatchObject({ ok: true, version: "9.8.7" });
});

test.each([
  [400, "bad_request", 2],
  [401, "unauthenticated", 4],
  [403, "workflow_disabled", 4],
  [404, "not_found", 5],
  [409, "conflict", 6],
  [503, "unavailable", 7],
  [503, "store_full", 9],
  [500, "internal", 1],
])("an API error %i %s exits %i", async (status, code, expected) => {
  const refuse = () => json(JSON.stringify({ ok: false, error: "no", code, hint: "do this" }), status);
  const { exit, stderr } = await runCli(["runs", "list"], refuse);
  expect(exit).toBe(expected);
  expect(stderr).toBe("error: no\n  do this\n");
});
