// The check as a whole, over documents made here: merging, order, counts, and what fails.
import { describe, expect, test } from "vitest";
import { check, checkFails, checkSummary, ruleDocs } from "../../src/catalog/check.ts";
import { ChironError } from "../../src/core/errors.ts";

const OPTIONS = { defaultTimezone: "UTC", now: Date.UTC(2026, 0, 1) };

const finding = (over: object = {}) => ({
  path: "/w/a.py",
  line: 3,
  column: 1,
  rule: "nondeterminism",
  severity: "warning",
  message: "m",
  fix: "f",
  ...over,
});
const declaration = (kind: string, value: unknown, over: object = {}) => ({
  kind,
  path: "/w/a.py",
  line: 5,
  column: 2,
  workflow_name: "a",
  value,
  ...over,
});
const report = (findings: object[], declarations: object[] = []) =>
  check(async () => JSON.stringify({ files: 2, findings, declarations }), ["/w"], OPTIONS);

describe("check", () => {
  test("findings come by path, line, column and rule", async () => {
    const { findings } = await report([
      finding({ path: "/w/b.py", line: 1 }),
      finding({ line: 10 }),
      finding({ line: 9, rule: "z" }),
      finding({ line: 9, rule: "a" }),
    ]);
    expect(findings.map(({ path, line, rule }) => `${path}:${line} ${rule}`)).toEqual([
      "/w/a.py:9 a",
      "/w/a.py:9 z",
      "/w/a.py:10 nondeterminism",
      "/w/b.py:1 nondeterminism",
    ]);
  });

  test("declarations are judged by the catalog's readers, at the place of their declaration", async () => {
    const { findings } = await report(
      [],
      [
        declaration("schedule", { cron: "61 * * * *", timezone: "UTC" }),
        declaration("webhook", { slug: "hook" }, { line: 8 }),
        declaration("webhook", { slug: "hook" }, { path: "/w/b.py", workflow_name: "b" }),
      ],
    );
    expect(findings).toMatchObject([
      { path: "/w/a.py", line: 5, column: 2, rule: "schedule", severity: "error", workflow_name: "a" },
      { path: "/w/b.py", line: 5, rule: "webhook", severity: "error", workflow_name: "b" },
    ]);
    expect(findings[1]!.message).toContain("is taken by a (/w/a.py)");
  });

  test("errors fail, warnings only under strict, notes never", async () => {
    const fails = async (severity: string, strict: boolean) =>
      checkFails(await report([finding({ severity })]), strict);
    expect(await fails("error", false)).toBe(true);
    expect(await fails("warning", false)).toBe(false);
    expect(await fails("warning", true)).toBe(true);
    expect(await fails("info", true)).toBe(false);
  });

  test("the summary counts what there is", async () => {
    expect(checkSummary(await report([]))).toBe("2 files: nothing to report");
    const found = await report([finding(), finding({ severity: "error" }), finding({ severity: "info" }), finding()]);
    expect(checkSummary(found)).toBe("2 files: 1 error, 2 warnings, 1 note");
  });

  test("a rule has a place in the documentation", () => {
    expect(ruleDocs("schedule")).toBe("docs/check.md#schedule");
  });

  test.each([
    "",
    "[]",
    "{}",
    '{"files":1}',
    '{"files":1,"findings":[{}]}',
    '{"files":1,"findings":[],"declarations":[{}]}',
  ])("the answer %j is refused as unreadable", async (text) => {
    await expect(check(async () => text, ["/w"], OPTIONS)).rejects.toMatchObject({ code: "host_failed" });
  });

  test("a runner that fails is told as such, and its own fault keeps its code", async () => {
    const failing = (fault: Error) => check(() => Promise.reject(fault), ["/w"], OPTIONS);
    await expect(failing(new Error("boom"))).rejects.toMatchObject({ code: "host_failed" });
    await expect(failing(new ChironError("python_missing", "none"))).rejects.toMatchObject({ code: "python_missing" });
  });
});
