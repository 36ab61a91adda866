// The commands that look and list, against a scripted API or none: pages, tables, init, keys, check's merge, doctor's judgements.
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { withProblems } from "../../src/cli/check.ts";
import { clockDiagnosis, diskDiagnosis, nodeDiagnosis, watchDiagnosis } from "../../src/cli/doctor-machine.ts";
import { keysDiagnosis } from "../../src/cli/doctor-project.ts";
import { makeKey } from "../../src/cli/keys.ts";
import { json, runCli, type Api } from "./cli-fixture.ts";

const RUN = "01990000-aaaa-7000-8000-00000000000a";
const TASK = "01990000-bbbb-7000-8000-00000000000b";
const AT = "2026-01-01T00:00:00.000Z";

const folder = fs.mkdtempSync(path.join(os.tmpdir(), "chiron-cli-"));
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

const attempt = (number: number, status: string, failure: object | null): object => ({
  run_id: RUN,
  attempt: number,
  status,
  failure,
  wake_at: null,
  created_at: AT,
  started_at: AT,
  finished_at: "2026-01-01T00:00:01.500Z",
});

const FAILURE = {
  name: "ValueError",
  message: "no \u001b[31mred",
  traceback: 'Traceback\n  File "/nowhere/workflows/a.py", line 7, in handler\n    boom()\n',
};

function runJson(overrides: object): string {
  const run = {
    ...attempt(2, "failed", FAILURE),
    task_id: TASK,
    workflow_name: "hello",
    attempts: 2,
    max_attempts: 2,
    queue: "centaur_workflows",
    updated_at: AT,
    cause: { kind: "api" },
    parent_task_id: null,
    idempotency_key: null,
    generation: null,
    ...overrides,
  };
  return `${JSON.stringify(run).slice(0, -1)},"input":{"n":9007199254740993},"result":null}`;
}

const failedRun: Api = (asked) => {
  if (asked.endsWith("/attempts")) {
    const attempts = [attempt(1, "failed", FAILURE), attempt(2, "failed", FAILURE)];
    return json(JSON.stringify({ ok: true, attempts }));
  }
  if (asked.endsWith("/checkpoints")) {
    const checkpoint = {
      name: "fetch",
      kind: "step",
      origin: "recorded",
      seq: 1,
      duration_ms: 1_234,
      position: "/nowhere/workflows/a.py:5",
      attempt: 1,
      created_at: AT,
    };
    const text = `${JSON.stringify(checkpoint).slice(0, -1)},"value":{"big":"${"x".repeat(5_000)}"}}`;
    return json(`{"ok":true,"checkpoints":[${text}],"waits":[]}`);
  }
  if (asked.includes("/children")) return json('{"ok":true,"children":[],"next_cursor":null}');
  if (asked.includes("/logs")) return json('{"ok":true,"logs":[]}');
  return json(`{"ok":true,"run":${runJson({})}}`);
};

describe("chiron runs show", () => {
  test("tells the failure, where it happened, and what was done before", async () => {
    const { exit, stdout, stderr } = await runCli(["runs", "show", RUN], failedRun);
    expect(exit).toBe(0);
    expect(stdout).toContain("hello  failed  attempt 2 of 2");
    expect(stdout).toContain("ValueError: no \\x1b[31mred\n  at workflows/a.py:7 in handler");
    expect(stdout).toMatch(/1 +fetch +step +1\.2s +1 +workflows\/a\.py:5 +\{"big":"x+… \(4\.9 KiB\)/);
    expect(stdout).toContain('input     {"n":9007199254740993}');
    expect(stdout).not.toContain("\u001b");
    expect(stderr).toContain("chiron runs retry 00000000000a");
  });

  test("answers with --json one document that carries values as they are stored", async () => {
    const { stdout } = await runCli(["runs", "show", RUN, "--json"], failedRun);
    expect(stdout).toContain('"input":{"n":9007199254740993}');
    expect(Object.keys(JSON.parse(stdout) as object)).toEqual([
      "ok",
      "run",
      "attempts",
      "checkpoints",
      "waits",
      "children",
      "effects",
      "logs",
    ]);
  });

  test("refuses what is no id without asking", async () => {
    expect((await runCli(["runs", "show", "hello"])).exit).toBe(2);
  });

  test("finds a run by the end of its id", async () => {
    const api: Api = (asked, method) =>
      asked.startsWith("/api/workflows/runs?") ? json(`{"ok":true,"runs":[${runJson({})}]}`) : failedRun(asked, method);
    const { exit, requests } = await runCli(["runs", "show", "00000000000B"], api);
    expect(exit).toBe(0);
    expect(requests[1]!.path).toBe(`/api/workflows/runs/${TASK}`);
  });
});

test("chiron runs list asks for what the options say and shows a table", async () => {
  const list: Api = () => json(`{"ok":true,"runs":[${runJson({})}],"next_cursor":"${TASK}"}`);
  const { stdout, stderr, requests } = await runCli(
    ["runs", "list", "--status", "failed", "--workflow", "hello"],
    list,
  );
  expect(requests[0]!.path).toBe("/api/workflows/runs?limit=20&status=failed&workflow_name=hello");
  expect(stdout).toMatch(/^RUN +WORKFLOW +STATUS/);
  expect(stdout).toMatch(/00000000000a +hello +failed +2 of 2 .* 1\.5s +ValueError: no/);
  expect(stderr).toContain(`--cursor ${TASK}`);
});

test("chiron runs cancel goes on after a refusal and exits with its code", async () => {
  const other = RUN.replace(/a$/, "c");
  const api: Api = (asked) =>
    asked.includes(other)
      ? json('{"ok":false,"error":"gone","code":"not_found"}', 404)
      : json(`{"ok":true,"run_id":"${RUN}","task_id":"${TASK}","status":"cancelled","changed":true}`);
  const { exit, stdout, stderr } = await runCli(["runs", "cancel", other, RUN], api);
  expect(exit).toBe(5);
  expect(stderr).toBe("error: gone\n");
  expect(stdout).toBe("00000000000a cancelled\n");
});

describe("chiron workflows", () => {
  const catalog: Api = () =>
    json(
      JSON.stringify({
        ok: true,
        generation: "g",
        load_ms: 12,
        workflows: [
          {
            workflow_name: "hello",
            description: "Greets.",
            source_path: "/nowhere/workflows/hello.py",
            current: true,
            input_schema: { properties: { name: { type: "string" } }, required: ["name"] },
          },
        ],
        problems: [
          { path: "/nowhere/workflows/bad.py", line: 3, kind: "syntax", message: "invalid syntax", severity: "error" },
        ],
        webhooks: [{ slug: "in", workflow_name: "hello" }],
        schedules: [
          {
            schedule_id: "s",
            workflow_name: "hello",
            kind: { type: "interval", interval_seconds: 300 },
            timezone: "UTC",
            enabled: true,
          },
        ],
      }),
    );

  test("list shows what serves, and below it what does not load", async () => {
    const { stdout } = await runCli(["workflows", "list"], catalog);
    expect(stdout).toMatch(/hello +workflows\/hello\.py +in +every 5m +Greets\./);
    expect(stdout).toContain("workflows/bad.py:3: error syntax: invalid syntax");
  });

  test("show gives the input's fields and a command to run it", async () => {
    const { stdout } = await runCli(["workflows", "show", "hello"], catalog);
    expect(stdout).toMatch(/name +string +required/);
    expect(stdout).toContain(`chiron run hello --input '{"name": "…"}' --wait`);
  });

  test("show suggests the name that was meant", async () => {
    const { exit, stderr } = await runCli(["workflows", "show", "helo"], catalog);
    expect(exit).toBe(5);
    expect(stderr).toContain("Did you mean hello?");
  });
});

describe("chiron init", () => {
  test("makes a project, keeps an ignore file's lines, and refuses to overwrite", async () => {
    const dir = path.join(folder, "flows");
    fs.mkdirSync(dir);
    fs.writeFileSync(path.join(dir, ".gitignore"), "dist/\n.venv/");
    const made = await runCli(["init", dir]);
    expect(made.exit).toBe(0);
    expect(made.stdout).toContain("chiron dev");
    expect(fs.readFileSync(path.join(dir, ".gitignore"), "utf8")).toMatch(
      /^dist\/\n\.venv\/\n# .*\n\.chiron\/\n__pycache__\/\n# .*\n\.env\n\.env\.local\n$/,
    );
    expect(fs.readFileSync(path.join(dir, "workflows/hello.py"), "utf8")).toContain('WORKFLOW_NAME = "hello"');

    fs.writeFileSync(path.join(dir, "workflows/hello.py"), "mine");
    expect((await runCli(["init", dir])).exit).toBe(6);
    expect(fs.readFileSync(path.join(dir, "workflows/hello.py"), "utf8")).toBe("mine");
    expect((await runCli(["init", dir, "--force", "--json"])).exit).toBe(0);
    expect(fs.readFileSync(path.join(dir, "workflows/hello.py"), "utf8")).not.toBe("mine");
  });
});

test("the configuration that init writes is one that is accepted", async () => {
  const { loadConfig } = await import("../../src/config/config.ts");
  const templates = new URL("../../src/cli/init-templates/", import.meta.url).pathname;
  expect(loadConfig(templates, {}).port).toBe(7780);
  const uncommented = fs.readFileSync(path.join(templates, "chiron.toml"), "utf8").replace(/^# (\w+ = )/gm, "$1");
  fs.writeFileSync(path.join(folder, "chiron.toml"), uncommented);
  expect(loadConfig(folder, {}).retentionMs).toBe(30 * 86_400_000);
});

test("a key names its id, and never comes twice", () => {
  const { id, key, hash } = makeKey();
  expect(key).toMatch(new RegExp(`^chiron_${id}_[\\w-]{43}$`));
  expect(hash).toMatch(/^[0-9a-f]{64}$/);
  expect(makeKey().key).not.toBe(key);
});

test("check counts a problem of the load once, and not at all where the text said it", () => {
  const finding = {
    path: "/a.py",
    line: 3,
    column: 1,
    rule: "import-surface",
    severity: "error",
    message: "no module x",
    fix: "y",
  } as const;
  const report = { files: 2, findings: [finding], counts: { error: 1, warning: 0, info: 0 } };
  const problem = {
    path: "/a.py",
    line: 3,
    kind: "import",
    message: "No module named 'x'",
    severity: "error",
  } as const;
  expect(withProblems(report, [problem])).toBe(report);
  const merged = withProblems(report, [problem, { ...problem, path: "/b.py", line: null, kind: "no_handler" }]);
  expect(merged.counts).toEqual({ error: 2, warning: 0, info: 0 });
  expect(merged.findings[1]).toMatchObject({ path: "/b.py", line: 1, rule: "no_handler" });
});

test("doctor judges versions, space, watches, clock and keys", () => {
  expect(
    [nodeDiagnosis("24.1.0"), nodeDiagnosis("22.18.0"), nodeDiagnosis("22.17.9")].map((one) => one.status),
  ).toEqual(["ok", "ok", "fail"]);
  expect([5e9, 5e8, 5e7].map((free) => diskDiagnosis(free, "/").status)).toEqual(["ok", "warn", "fail"]);
  expect([500_000, 4_096].map((limit) => watchDiagnosis(limit).status)).toEqual(["ok", "warn"]);
  const now = Date.UTC(2026, 5, 1);
  expect(clockDiagnosis(0, null).status).toBe("fail");
  expect(clockDiagnosis(now, now + 3_600_000)).toMatchObject({ status: "warn" });
  expect(clockDiagnosis(now, now).status).toBe("ok");
  expect(keysDiagnosis({ envKeys: [], host: "0.0.0.0" }).status).toBe("warn");
  expect(keysDiagnosis({ envKeys: [], host: "127.0.0.1" }).status).toBe("ok");
});

test("doctor ends with 0 where nothing fails, and creates nothing", async () => {
  const root = path.join(folder, "empty");
  fs.mkdirSync(root);
  const { stdout, exit } = await runCli(["doctor", "--json"], undefined, root);
  const { checks } = JSON.parse(stdout) as { checks: { name: string; status: string; fix?: string }[] };
  expect(exit).toBe(checks.some((check) => check.status === "fail") ? 3 : 0);
  expect(checks.map((check) => check.name)).toContain("store");
  for (const check of checks) if (check.status !== "ok") expect(check.fix).toBeTruthy();
  expect(fs.readdirSync(root)).toEqual([]);
});

test("init says so where no folder can be made, instead of trying for ever", async () => {
  const { exit, stderr } = await runCli(["init", "/proc/nowhere/flows"]);
  expect(exit).toBe(7);
  expect(stderr).toContain("/proc/nowhere/flows cannot be written");
});

test.each([
  [["--record-mode", "all"], "without --record"],
  [["--record", "a", "--replay", "b"], "both given"],
])("dev %j is refused before anything starts", async (args, words) => {
  const { exit, stderr } = await runCli(["dev", ...args]);
  expect([exit, stderr]).toEqual([2, expect.stringContaining(words)]);
});
