// What a scenario expects without saying it, and how what happened is held against what is said.
import { expect, test } from "vitest";
import { doubledEffects } from "../../src/scenarios/doubled-effects.ts";
import type { Heard } from "../../src/scenarios/drive.ts";
import type { Scenario } from "../../src/scenarios/format.ts";
import type { Effect, Observed, ObservedRun } from "../../src/scenarios/observe.ts";
import { Answers } from "../../src/scenarios/references.ts";
import { timelineOf } from "../../src/scenarios/timeline.ts";
import { judgeScenario } from "../../src/scenarios/verdict.ts";

const START = Date.UTC(2026, 0, 1);

function run(more: Partial<ObservedRun> = {}): ObservedRun {
  return {
    id: "t1",
    runId: "r1",
    workflow: "w",
    status: "completed",
    result: 1,
    input: null,
    failure: null,
    steps: ["a"],
    results: { a: 1 },
    attempts: 1,
    sleeps: [],
    waits: {},
    outbox: [],
    logs: [],
    duration: 5_000,
    finishedAtMs: START + 5_000,
    children: [],
    ...more,
  };
}

function judge(
  scenario: Partial<Scenario>,
  runs: readonly ObservedRun[],
  more: { heard?: Heard[]; lostMs?: number } = {},
) {
  const observed: Observed = { runs, all: runs, outbox: [] };
  const answers = new Answers([["first", { status: 202, headers: {}, body: { task_id: "t1" } }]]);
  return judgeScenario({
    scenario: { name: "x", ...scenario },
    heard: more.heard ?? [],
    observed,
    startMs: START,
    lostMs: more.lostMs ?? 0,
    virtual: true,
    context: { lookUp: (reference) => answers.lookUp(reference) },
  }).differences.map(({ path, expected, actual }) => `${path}: ${expected}, not ${actual}`);
}

const boom = run({ status: "failed", failure: { name: "ValueError", message: "boom" } });

test("every run completes unless something else is expected", () => {
  expect(judge({}, [run()])).toEqual([]);
  expect(judge({}, [boom])).toEqual(['run of w.status: "completed", not "failed": ValueError: boom']);
  expect(judge({ expect: { runs: [{}] } }, [boom])).toEqual([
    'expect.runs[0].status: "completed", not "failed": ValueError: boom',
  ]);
  expect(judge({ expect: { run: { status: "failed" } } }, [boom])).toEqual([]);
  expect(judge({ expect: { run: { failure: { message: "boom" } } } }, [boom])).toEqual([]);
});

test("the number of runs counts", () => {
  expect(judge({ expect: { runs: 2 } }, [run()])).toEqual(["expect.runs: 2, not 1"]);
  expect(judge({ expect: { runs: { $gt: 0 } } }, [run()])).toEqual([]);
  expect(judge({ expect: { run: {} } }, [])).toEqual(["expect.run: 1 run, not 0 runs"]);
  expect(judge({ expect: { runs: [{}, {}] } }, [run()])).toEqual(["expect.runs: 2 runs, not 1 run: w (completed)"]);
});

test("durations are read as durations, inside matchers too", () => {
  expect(judge({ expect: { run: { duration: "5s" }, duration: { $lt: "6s" } } }, [run()])).toEqual([]);
  expect(judge({ expect: { run: { duration: "4s" } } }, [run()])).toEqual([
    "expect.run.duration: 4000 ms, not 5000 ms",
  ]);
});

test("a crash may cost an attempt and its own moment, and nothing else", () => {
  const expected = { expect: { run: { attempts: 1, duration: "5s" } } };
  const after = run({ attempts: 2, duration: 5_001 });
  expect(judge(expected, [after], { lostMs: 1 })).toEqual([]);
  expect(judge(expected, [after])).toHaveLength(2);
  expect(judge(expected, [run({ attempts: 3 })], { lostMs: 1 })).toHaveLength(1);
});

test("children are counted, or told one by one", () => {
  const parent = run({ children: [run({ workflow: "child", status: "failed" })] });
  expect(judge({ expect: { run: { children: 1 } } }, [parent])).toEqual([]);
  expect(judge({ expect: { run: { children: [{ workflow: "child" }] } } }, [parent])).toEqual([
    'expect.run.children[0].status: "completed", not "failed"',
  ]);
  expect(judge({ expect: { run: { children: [] } } }, [parent])).toEqual([
    "expect.run.children: 0 runs, not 1 run: child (failed)",
  ]);
});

function heard(scenario: Partial<Scenario>, ...statuses: readonly number[]): Heard[] {
  const timeline = timelineOf({ name: "x", hook: "h", ...scenario });
  return timeline.map((happening, at) => ({
    happening,
    atMs: happening.atMs,
    answer: { status: statuses[at] ?? 200, headers: { "retry-after": "60" }, body: { error: "no" } },
  }));
}

test.each([
  ["auto", 202, []],
  ["auto", 503, ['deliveries[0].expect.status: 2xx, not 503 {"error":"no"}']],
  ["previous-secret", 401, ['deliveries[0].expect.status: 2xx, not 401 {"error":"no"}']],
  ["tampered", 401, []],
  ["tampered", 202, ['deliveries[0].expect.status: 401, not 202 {"error":"no"}']],
  ["none", 401, []],
] as const)("a delivery signed %s that is answered %i", (sign, status, differences) => {
  const scenario = { deliveries: [{ sign }] };
  expect(judge(scenario, [], { heard: heard(scenario, status) })).toEqual(differences);
});

test("repetitions have one expectation for all, or one each", () => {
  const each = { deliveries: [{ repeat: 2, expect: [{ status: 202 }, { status: 200 }] }] };
  expect(judge(each, [], { heard: heard(each, 202, 200) })).toEqual([]);
  expect(judge(each, [], { heard: heard(each, 202, 202) })).toEqual(["deliveries[0].expect[1].status: 200, not 202"]);
  const all = { deliveries: [{ repeat: 2, expect: { status: 202, headers: { "Retry-After": "60" } } }] };
  expect(judge(all, [], { heard: heard(all, 202, 200) })).toEqual(["deliveries[0].expect.status: 202, not 200"]);
});

test("earlier answers are what references name", () => {
  expect(judge({ expect: { run: { id: { $ref: "first.body.task_id" } } } }, [run()])).toEqual([]);
  const answers = new Answers([["first", { status: 202, headers: {}, body: { list: [{ id: 7 }] } }]]);
  expect(answers.filled({ a: "${first.body.list[0].id}", b: "n ${first.status}", c: "${other.body}" })).toEqual({
    a: 7,
    b: "n 202",
    c: "${other.body}",
  });
});

test("each list has its own delays, and at one moment deliveries come before runs and events", () => {
  const order = timelineOf({
    name: "x",
    deliveries: [{ id: "d1" }, { id: "d2", delay: "2h" }, { same_as: "d1", delay: "1h" }],
    runs: [{ id: "r1", delay: "2h" }],
    events: [{ id: "e1", name: "e" }],
  });
  expect(order.map(({ kind, index, atMs }) => `${kind}${index}@${atMs / 3_600_000}`)).toEqual([
    "delivery0@0",
    "event0@0",
    "delivery1@2",
    "run0@2",
    "delivery2@3",
  ]);
});

test("what went out under more keys after a crash is told", () => {
  const effect = { call: "ctx.agent_turn", target: "codex", text: "hi" } as Effect;
  const of = (...keys: (string | null)[]): Observed => ({
    runs: [],
    all: [],
    outbox: keys.map((key) => ({ ...effect, key })),
  });
  expect(doubledEffects(of("a"), of("b"))).toEqual([]);
  expect(doubledEffects(of("a"), of("a", "b"))).toEqual([
    { path: "expect.outbox", expected: 'ctx.agent_turn to codex "hi" once', actual: "2 times" },
  ]);
  expect(doubledEffects(of(null), of(null, null))).toEqual([]);
});
