// How a schedule's occurrences become runs, as files write it: every spelling read, every mistake named, one mistake never another's.
import { expect, test } from "vitest";
import { mergeCatalog } from "../../src/catalog/merge.ts";
import { EMPTY_CATALOG } from "../../src/catalog/catalog.ts";
import { declaredSchedules, digestOf } from "../../src/catalog/declared-schedules.ts";
import { schedulesOf } from "../../src/catalog/declarations/schedule.ts";
import type { DiscoveredWorkflow, GenerationHost } from "../../src/ports/host.ts";

const OPTIONS = { defaultTimezone: "UTC", now: Date.UTC(2026, 0, 1) };
const BASE = { cron: "0 9 * * MON", timezone: "UTC" };

const read = (fields: object) => {
  const workflow = { workflowName: "w", sourcePath: "/w.py", schedule: { ...BASE, ...fields } };
  return schedulesOf(workflow, new Map(), OPTIONS);
};

test("a schedule that asks for nothing gets one late fire, no guard, no jitter, and the queue of its name", () => {
  expect(read({}).entries).toMatchObject([
    {
      catchup: "latest",
      catchupLimit: 100,
      catchupWindowSeconds: 86_400,
      overlap: "allow",
      jitterSeconds: 0,
      queue: null,
      maxAttempts: null,
    },
  ]);
});

test.each([
  [
    { catchup: "all", catchup_limit: 5, catchup_window: "2d" },
    { catchup: "all", catchupLimit: 5, catchupWindowSeconds: 172_800 },
  ],
  [
    { catchup: { mode: "all", limit: 7, window: 3_600 } },
    { catchup: "all", catchupLimit: 7, catchupWindowSeconds: 3_600 },
  ],
  [{ catchup: { limit: 7 } }, { catchup: "latest", catchupLimit: 7 }],
  [
    { overlap: "queue", jitter: "5m" },
    { overlap: "queue", jitterSeconds: 300 },
  ],
  [{ jitter_seconds: 30 }, { jitterSeconds: 30 }],
  [
    { queue: "centaur_workflows_etl", max_attempts: 1 },
    { queue: "centaur_workflows_etl", maxAttempts: 1 },
  ],
])("%o is read", (fields, expected) => {
  const { entries, problems } = read(fields);
  expect(problems).toEqual([]);
  expect(entries).toMatchObject([expected]);
});

test.each([
  [{ catchup: "some" }, 'catchup "some" is none of latest, skip, all'],
  [{ catchup_limit: 0 }, "catchup_limit 0 is not a whole number from 1 to 10000"],
  [{ catchup_limit: 2.5 }, "catchup_limit 2.5"],
  [{ catchup_window: -1 }, "catchup_window -1"],
  [{ overlap: true }, "overlap true is none of allow, skip, queue"],
  [{ jitter: "2d" }, 'jitter "2d" is not a time from 0 to 86400 seconds'],
  [{ jitter: "90" }, 'jitter "90"'],
  [{ queue: "centaur_workflow_schedules" }, 'queue "centaur_workflow_schedules" is not known'],
  [{ max_attempts: "3" }, 'max_attempts "3" is not a whole number'],
])("%o disables the schedule and is named", (fields, message) => {
  const { entries, problems } = read(fields);
  expect(entries).toEqual([]);
  expect(problems).toHaveLength(1);
  expect(problems[0]).toMatchObject({ severity: "error", kind: "schedule" });
  expect(problems[0]!.message).toContain(message);
});

test("an unknown field of catchup is a warning", () => {
  const { entries, problems } = read({ catchup: { mode: "all", max: 3 } });
  expect(entries).toHaveLength(1);
  expect(problems).toMatchObject([{ severity: "warning" }]);
});

const workflow = (name: string, fields: Partial<DiscoveredWorkflow>): DiscoveredWorkflow => ({
  workflowName: name,
  sourcePath: `/${name}.py`,
  webhooks: [],
  schedule: null,
  principal: null,
  inputSchema: null,
  description: null,
  ...fields,
});

const catalogOf = (workflows: readonly DiscoveredWorkflow[], options: object = {}) =>
  mergeCatalog(
    EMPTY_CATALOG,
    {
      host: { generation: { id: "g" } } as GenerationHost,
      discovery: {
        generation: { id: "g" },
        workflows,
        problems: [
          {
            path: "/old.py",
            line: null,
            kind: "shorthand",
            message: "CRON is ignored",
            severity: "warning",
            workflowName: "old",
          },
        ],
        files: new Map(),
        dirs: [],
        ms: 1,
      },
    },
    { ...OPTIONS, ...options },
  );

test("one bad schedule of many leaves the others, and its workflow is one of which it is not known what is gone", () => {
  const catalog = catalogOf([
    workflow("good", { schedule: [BASE, { schedule_id: "second", interval_seconds: 60 }] }),
    workflow("bad", {
      schedule: [
        { schedule_id: "fine", interval_seconds: 60 },
        { cron: "0 9 31 2 *", timezone: "UTC" },
      ],
    }),
  ]);
  expect([...catalog.schedules.keys()]).toEqual(["good", "second", "fine"]);
  const declared = declaredSchedules(catalog);
  expect(declared).toMatchObject({ complete: true, unsure: new Set(["bad"]) });
  expect(digestOf(declared)).toBe(digestOf(declaredSchedules(catalog)));
  expect(digestOf(declared)).not.toBe(digestOf(declaredSchedules(catalogOf([workflow("good", { schedule: BASE })]))));
});

test("folders without a workflow, or with a file that does not load, say nothing about what is gone", () => {
  expect(declaredSchedules(catalogOf([])).complete).toBe(false);
  const catalog = catalogOf([workflow("good", {})]);
  const broken = { path: "/x.py", line: 1, kind: "syntax", message: "no", severity: "error" } as const;
  expect(declaredSchedules({ ...catalog, problems: [broken] }).complete).toBe(false);
  expect(declaredSchedules(catalog).complete).toBe(true);
});

test("shorthands of the first version are reported, or by a switch honoured (conformance 98)", () => {
  const old = workflow("old", { v1Schedule: { cron: "0 9 * * MON" } });
  const ignored = catalogOf([old]);
  expect(ignored.schedules.size).toBe(0);
  expect(ignored.problems).toMatchObject([{ kind: "shorthand" }]);
  const honoured = catalogOf([old, workflow("beat", { v1Schedule: { interval_seconds: 5 } })], { v1Schedules: true });
  expect([...honoured.schedules.keys()]).toEqual(["old", "beat"]);
  expect(honoured.problems.map(({ kind }) => kind)).toEqual(["schedule"]);
});
