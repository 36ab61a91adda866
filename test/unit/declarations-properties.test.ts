// Whatever a file declares: the readers answer, never throw, and what they let through is well formed.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readCron } from "../../src/core/cron/expression.ts";
import { nextOccurrences } from "../../src/core/cron/occurrences.ts";
import { ID_PATTERN } from "../../src/catalog/declarations/problem.ts";
import { schedulesOf } from "../../src/catalog/declarations/schedule.ts";
import { webhooksOf } from "../../src/catalog/declarations/webhook.ts";

const NOW = Date.UTC(2026, 5, 1);
const anything = fc.anything({ withNullPrototype: true, withSparseArray: true, withDate: true });
/** A dict whose known fields hold now something sensible, now anything. */
const dict = (fields: Record<string, readonly unknown[]>) =>
  fc.record(
    Object.fromEntries(
      Object.entries(fields).map(([name, good]) => [name, fc.oneof(fc.constantFrom(...good), anything)]),
    ),
    { requiredKeys: [] },
  );

const leaf = { source: "body", key: "a", op: "equals", value: "b" };
const webhook = dict({
  slug: ["hook", "other"],
  provider: ["github", null],
  auth: ["none", { type: "hmac", secret_ref: "S" }, { type: "github_hmac", secret_ref: "S" }],
  trigger_key: [
    { type: "header", name: "X" },
    { type: "static", value: "v" },
  ],
  allowed_methods: [["POST"], "get"],
  allowed_content_types: [["application/json"]],
  filter: [leaf, { any: [leaf] }, { all: [{ any: [leaf] }] }],
});
const field = fc.constantFrom("*", "0", "1-5", "*/2", "MON-FRI", "1,15", "?", "L", "7", "FRI#2", "30", "5/10", "x");
const cron = fc.oneof(
  fc.array(field, { minLength: 1, maxLength: 8 }).map((parts) => parts.join(" ")),
  fc.string(),
);
const schedule = fc
  .tuple(
    dict({
      schedule_id: ["s", "t"],
      interval_seconds: [60, 900],
      seconds: [60],
      timezone: ["UTC", "America/New_York"],
      enabled: [true, "no"],
      no_delivery: [false],
      input: [{}, { a: 1 }],
      thread_key: ["slack:C:1.2"],
      slack_channel: ["#c"],
      catchup: ["all"],
      overlap: ["skip"],
      cron_dialect: ["quartz", "unix"],
    }),
    fc.option(cron, { nil: undefined }),
  )
  .map(([fields, expression]) => (expression === undefined ? fields : { ...fields, cron: expression }));

const circular: Record<string, unknown> = { slug: "hook" };
circular["filter"] = { all: [circular["filter"], circular] };
circular["input"] = circular;

describe("no declaration whatsoever throws", () => {
  test("webhooks", () => {
    fc.assert(
      fc.property(fc.oneof(anything, fc.array(fc.oneof(webhook, anything))), (declared) => {
        const workflow = { workflowName: "w", sourcePath: "/w.py", webhooks: declared as unknown[] };
        const { entries, problems } = webhooksOf(workflow, new Map());
        expect(new Set(entries.map((entry) => entry.slug)).size).toBe(entries.length);
        for (const entry of entries) {
          expect(entry.slug).toMatch(ID_PATTERN);
          const { auth } = entry.spec;
          if (auth.type !== "none") expect(auth.secret_ref).not.toBe("");
        }
        for (const problem of problems) expect(problem.message.length).toBeGreaterThan(0);
      }),
      { numRuns: 1_000 },
    );
  });

  test("schedules", () => {
    fc.assert(
      fc.property(fc.oneof(anything, schedule, fc.array(schedule)), fc.string(), (declared, workflowName) => {
        const workflow = { workflowName, sourcePath: "/w.py", schedule: declared };
        const { entries } = schedulesOf(workflow, new Map(), { defaultTimezone: "UTC", now: NOW });
        for (const entry of entries) {
          expect(entry.scheduleId).toMatch(ID_PATTERN);
          if (entry.kind.type === "cron") {
            const [first] = nextOccurrences({ kind: "cron", cron: entry.kind.cron, timezone: entry.timezone }, NOW, 1);
            expect(first).toBeGreaterThan(NOW);
          } else expect(entry.kind.interval_seconds).toBeGreaterThan(0);
        }
      }),
      { numRuns: 1_000 },
    );
  });

  test("values that contain themselves", () => {
    const workflow = { workflowName: "w", sourcePath: "/w.py", webhooks: [circular, [circular]], schedule: circular };
    expect(webhooksOf(workflow, new Map()).entries).toEqual([]);
    expect(schedulesOf(workflow, new Map(), { defaultTimezone: "UTC", now: NOW }).entries).toEqual([]);
  });

  test("a quartz expression fires on the days the reference would choose", () => {
    const day = fc.integer({ min: 1, max: 7 });
    fc.assert(
      fc.property(fc.tuple(day, day), ([a, b]) => {
        const [from, to] = [Math.min(a, b), Math.max(a, b)];
        const read = readCron(`0 9 * * ${from}-${to}`, "quartz");
        if (!read.ok) throw new Error(read.reason);
        for (const at of nextOccurrences({ kind: "cron", cron: read.expression, timezone: "UTC" }, NOW, 14)) {
          const number = new Date(at).getUTCDay() + 1;
          expect(number).toBeGreaterThanOrEqual(from);
          expect(number).toBeLessThanOrEqual(to);
        }
      }),
    );
  });
});
