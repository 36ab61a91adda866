// The one reader of the environment and chiron.toml: what wins over what, and what a mistake is told.
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { loadConfig } from "../../src/config/config.ts";
import { ChironError } from "../../src/core/errors.ts";

let root: string;

beforeEach(() => {
  root = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), "chiron-config-")));
});

afterEach(() => fs.rmSync(root, { recursive: true, force: true }));

const toml = (text: string): void => fs.writeFileSync(path.join(root, "chiron.toml"), text);

function refusal(env: Record<string, string> = {}): ChironError {
  try {
    loadConfig(root, env);
  } catch (error) {
    expect(error).toBeInstanceOf(ChironError);
    return error as ChironError;
  }
  throw new Error("the configuration was accepted");
}

test("without anything set the defaults are the reference's, on loopback", () => {
  const config = loadConfig(root, {});
  expect(config).toMatchObject({
    dirs: [path.join(root, "workflows")],
    host: "127.0.0.1",
    port: 7780,
    storePath: path.join(root, ".chiron/chiron.db"),
    synchronous: "full",
    retentionMs: null,
    reconcileMs: 60_000,
    reapAfter: undefined,
    schedules: { defaultTimezone: "UTC", cronDialect: "unix" },
    enablement: { mode: "all" },
    envKeys: [],
  });
  expect(config.concurrency).toMatchObject({
    centaur_workflows: 4,
    centaur_workflows_slack_live: 1,
    centaur_workflows_etl: 1,
  });
  expect(Object.isFrozen(config)).toBe(true);
});

test("a flag wins over the environment, which wins over chiron.toml", () => {
  toml('[workflows]\ndirs = ["from-file"]\n[server]\nport = 1\n[store]\npath = "file.db"\n');
  expect(loadConfig(root, {}).dirs).toEqual([path.join(root, "from-file")]);
  const env = { WORKFLOW_DIRS: "a:~/b:a", HOME: "/home/me", CHIRON_DB: "env.db" };
  expect(loadConfig(root, env).dirs).toEqual([path.join(root, "a"), "/home/me/b"]);
  expect(loadConfig(root, env).storePath).toBe(path.join(root, "env.db"));
  expect(loadConfig(root, env, { dirs: ["flag"], db: "flag.db", port: 3 })).toMatchObject({
    dirs: [path.join(root, "flag")],
    storePath: path.join(root, "flag.db"),
    port: 3,
  });
});

test("a concurrency that does not parse, or is 0, is the default", () => {
  const of = (text: string): number =>
    loadConfig(root, { WORKFLOW_WORKER_CONCURRENCY: text }).concurrency.centaur_workflows;
  expect([of("9"), of("0"), of("-1"), of("many"), of(""), of("2.5")]).toEqual([9, 4, 4, 4, 4, 4]);
  toml("[engine.concurrency]\ncentaur_workflows = 7\n");
  expect([of("9"), of("0")]).toEqual([9, 7]);
});

test("an unknown setting is named with the nearest known one", () => {
  toml("[server]\nprot = 1\n");
  const error = refusal();
  expect(error.code).toBe("config_invalid");
  expect(error.message).toContain("unknown setting server.prot");
  expect(error.hint).toContain("Did you mean port?");
  toml("[sever]\nport = 1\n");
  expect(refusal().hint).toContain("Did you mean server?");
});

test("a setting of the wrong type, broken TOML, a bad duration and an unknown zone or queue each say what is wrong", () => {
  const cases: [string, RegExp][] = [
    ['[server]\nport = "x"\n', /server\.port/],
    ["[server\n", /chiron\.toml cannot be read/],
    ['[engine]\nretention = "soon"\n', /"soon" is not a duration/],
    ['[project]\ndefault_timezone = "Mars/Olympus"\n', /Mars\/Olympus/],
    ["[engine.concurrency]\nnobody = 1\n", /unknown queue nobody/],
    ['[project]\ncron_dialect = "klingon"\n', /cron_dialect/],
  ];
  for (const [text, message] of cases) {
    toml(text);
    expect(refusal().message).toMatch(message);
  }
});

test("the allowlist mode allows what it names and an unknown mode is refused", () => {
  const { enablement } = loadConfig(root, { WORKFLOW_ENABLE_MODE: " Allowlist ", WORKFLOW_ALLOWED_NAMES: "a, b\nc" });
  expect(["a", "b", "c", "d"].map((name) => enablement.allows(name))).toEqual([true, true, true, false]);
  expect(refusal({ WORKFLOW_ENABLE_MODE: "some" }).message).toContain("WORKFLOW_ENABLE_MODE");
});

test("a blank key counts as none", () => {
  expect(loadConfig(root, { CHIRON_API_KEY: "  ", CENTAUR_API_KEY: "k" }).envKeys).toEqual(["k"]);
});
