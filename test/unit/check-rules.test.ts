// Every rule over the files of fixtures/check, by the real analysis in a real interpreter, and the samples, which must be clean.
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, test } from "vitest";
import { runAnalysis } from "../../adapters/python/check-runner.ts";
import { check, CHECK_RULES, type CheckFinding, type CheckReport } from "../../src/catalog/check.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const python = process.env["CHIRON_TEST_PYTHON"] ?? "python3";
const OPTIONS = { defaultTimezone: "UTC", now: Date.UTC(2026, 0, 1) };
const bad = path.join(root, "fixtures/check");

const run = (dirs: readonly string[], env: Record<string, string> = {}): Promise<CheckReport> => {
  const { DATABASE_URL: _, ...inherited } = process.env;
  const packageDir = path.join(root, "adapters/python");
  return check((folders) => runAnalysis(python, folders, packageDir, { ...inherited, ...env }), dirs, OPTIONS);
};

let findings: readonly CheckFinding[];

/** "file.py:line severity" of one rule in its own folder. */
const told = (rule: keyof typeof CHECK_RULES) =>
  findings
    .filter((finding) => finding.rule === rule && finding.path.startsWith(path.join(bad, rule) + path.sep))
    .map(({ path: file, line, severity }) => `${path.basename(file)}:${line} ${severity}`);
const messageOf = (rule: keyof typeof CHECK_RULES, file: string) =>
  findings.find((finding) => finding.rule === rule && path.basename(finding.path) === file)!.message;

beforeAll(async () => {
  const dirs = fs.readdirSync(bad).map((name) => path.join(bad, name));
  findings = (await run(dirs)).findings;
});

describe("chiron check", () => {
  test("every rule has a folder of bad files that it finds, and a fix for each finding", () => {
    for (const rule of Object.keys(CHECK_RULES)) expect(told(rule as keyof typeof CHECK_RULES), rule).not.toEqual([]);
    for (const finding of findings) {
      expect(CHECK_RULES).toHaveProperty(finding.rule);
      expect(finding.fix).not.toBe("");
      expect(path.isAbsolute(finding.path)).toBe(true);
    }
  });

  test("workflow-name: missing, computed, taken, without a handler or with a wrong one, unreadable", () => {
    expect(told("workflow-name")).toEqual([
      "computed.py:4 error",
      "encoding.py:1 error",
      "generator.py:6 error",
      "missing.py:4 error",
      "no_handler.py:3 error",
      "second.py:3 error",
      "syntax.py:4 error",
      "wrong_arity.py:6 error",
    ]);
    expect(messageOf("workflow-name", "second.py")).toContain("first.py");
    expect(messageOf("workflow-name", "syntax.py")).toContain("syntax error");
  });

  test("import-surface: unknown modules and names are errors, what Chiron adds is a note", () => {
    expect(told("import-surface")).toEqual([
      "internals.py:3 error",
      "internals.py:4 info",
      "internals.py:4 error",
      "internals.py:5 error",
    ]);
  });

  test("import-surface: the names it lets through are those the runtime's modules define", () => {
    const surface = fs.readFileSync(path.join(root, "adapters/python/chiron_check/surface.py"), "utf8");
    const modules = [...surface.matchAll(/^ {4}"([\w.]+)": (?:frozenset\(\s*\{([^}]*)\}|None)/gm)];
    expect(modules.length).toBeGreaterThan(10);
    for (const [, module, names = ""] of modules) {
      const file = path.join(root, "adapters/python/compat", `${module!.replaceAll(".", "/")}.py`);
      const text = fs.readFileSync(file, "utf8");
      for (const [, name] of names.matchAll(/"(\w+)"/g))
        expect(text, `${module}.${name}`).toMatch(new RegExp(`\\b${name}\\b`));
    }
  });

  test("relative-import: an error in a workflow, with the absolute form", () => {
    expect(told("relative-import")).toEqual(["beside.py:3 error"]);
    expect(findings.find(({ rule }) => rule === "relative-import")!.fix).toBe("Write: from text import words");
  });

  test("missing-package: an error, but a note where ImportError is caught", () => {
    expect(told("missing-package")).toEqual(["missing.py:3 error", "missing.py:4 error", "missing.py:7 info"]);
  });

  test("unstepped-effect: writes are errors, reads and files warnings, agent turns notes, through helpers too", () => {
    expect(told("unstepped-effect")).toEqual(expected("direct.py", "unstepped-effect/direct.py"));
  });

  test("agent-control-plane: helpers, session URLs, variables", () => {
    expect(told("agent-control-plane")).toEqual(["direct.py:5 error", "direct.py:11 warning", "direct.py:12 error"]);
  });

  test("schedule: both readings, one broken entry, what is only known later, the old shorthand", () => {
    expect(told("schedule")).toEqual([
      "broken.py:6 error",
      "computed.py:7 info",
      "numeric.py:5 warning",
      "numeric.py:5 warning",
      "shorthand.py:5 warning",
    ]);
  });

  test("webhook: each bad entry at its own line", () => {
    expect(told("webhook")).toEqual(["bad.py:7 error", "bad.py:8 error", "bad.py:9 error", "bad.py:10 error"]);
  });

  test("nondeterminism: outside steps, and not where it is only logged", () => {
    expect(told("nondeterminism")).toEqual(["clock.py:12 warning", "clock.py:13 warning", "clock.py:14 warning"]);
  });

  test("blocking-call: a note in a step, a warning beside one, nothing in a thread", () => {
    expect(told("blocking-call")).toEqual(["sleepy.py:10 warning", "sleepy.py:11 info"]);
  });

  test("step-name-reuse: a constant name in a loop", () => {
    expect(told("step-name-reuse")).toEqual(["loop.py:8 info"]);
  });

  test("pool-without-database: only while DATABASE_URL is not set", async () => {
    expect(told("pool-without-database")).toEqual(["pool.py:7 warning"]);
    const { findings: set } = await run([path.join(bad, "pool-without-database")], { DATABASE_URL: "postgres://x" });
    expect(set.filter(({ message }) => message.includes("DATABASE_URL"))).toEqual([]);
  });

  test("the sample workflows have no errors, and no warning but the guide's numeric weekdays", async () => {
    const report = await run([path.join(root, "fixtures/workflows")]);
    expect(report.files).toBeGreaterThan(10);
    const serious = report.findings.filter(({ severity }) => severity !== "info");
    expect(serious.map(({ path: file, rule }) => `${path.basename(file)} ${rule}`)).toEqual([
      "weekday_digest.py schedule",
    ]);
  });

  test("a folder that does not exist is the caller's fault, a missing interpreter the machine's", async () => {
    await expect(run([path.join(bad, "nowhere")])).rejects.toMatchObject({ code: "bad_request" });
    await expect(runAnalysis("/nowhere/python", [bad], root)).rejects.toMatchObject({ code: "python_missing" });
  });
});

/** The lines that a fixture marks itself: `# write`, `# read`, `# file`, `# agent` at their end. */
function expected(name: string, file: string): string[] {
  const severities: Readonly<Record<string, string>> = {
    write: "error",
    read: "warning",
    file: "warning",
    agent: "info",
  };
  const lines = fs.readFileSync(path.join(bad, file), "utf8").split("\n");
  return lines.flatMap((line, index) => {
    const mark = /# (write|read|file|agent)\b[^#]*$/.exec(line);
    return mark ? [`${name}:${index + 1} ${severities[mark[1]!]}`] : [];
  });
}
