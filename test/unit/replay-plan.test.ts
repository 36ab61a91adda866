// Where code leaves a record, decided on what a replay saw; and the texts that forks are remembered by.
import { describe, expect, test } from "vitest";
import fc from "fast-check";
import { FORK_EFFECTS, readForkRef, writeForkRef } from "../../src/core/fork-ref.ts";
import type { RunId, TaskId } from "../../src/core/ids.ts";
import { toJsonText } from "../../src/core/json-text.ts";
import type { Checkpoint, Task, Wait } from "../../src/ports/store-types.ts";
import { divergenceOf, planOf, type Found, type ReplayEnd, type Seen } from "../../src/replay/plan.ts";
import { recordedStep } from "../../src/replay/recorded-step.ts";
import type { TaskRecord } from "../../src/replay/task-record.ts";

const TASK = "01a20589-3f93-72c6-bfba-779db2ec990b" as TaskId;

/** Checkpoints by name, of the kind behind a colon. */
function recorded(...names: string[]): Checkpoint[] {
  return names.map((text, index) => {
    const [name, kind = "step"] = text.split(":") as [string, Checkpoint["kind"]?];
    const at = {
      ownerRunId: TASK as string as RunId,
      attempt: 1,
      createdAt: 1,
      durationMs: 1,
      position: `w.py:${index}`,
    };
    return { name, kind, value: toJsonText(name), seq: index + 1, ...at };
  });
}

function record(checkpoints: Checkpoint[], task: Partial<Task> = {}, more: Partial<TaskRecord> = {}): TaskRecord {
  const whole = { taskId: TASK, state: "failed", output: null, ...task } as Task;
  return { task: whole, run: {} as TaskRecord["run"], checkpoints, waits: [], failures: [], ...more };
}

/** Names in the order of the handler; those with a `+` are not recorded. */
function seen(...names: string[]): Seen[] {
  return names.map((text) => {
    const [name, kind = "step"] = text.replace("+", "").split(":") as [string, Seen["kind"]?];
    return { name, kind, position: `now.py:${name}`, recorded: !text.startsWith("+") };
  });
}

const stands = (...names: string[]): ReplayEnd => ({
  kind: "stands",
  at: seen(...names).map((one) => ({ ...one, target: null })),
});
const returns = (value: unknown): ReplayEnd => ({ kind: "result", value: toJsonText(value) });
const raises = (message: string): ReplayEnd => ({ kind: "error", failure: { name: "ValueError", message } });

function found(of: TaskRecord, saw: Seen[], end: ReplayEnd, before = Infinity): Found {
  const offered = new Map(of.checkpoints.filter(({ seq }) => seq < before).map((one) => [one.name, one]));
  return { record: of, offered, edited: new Set(), seen: saw, end };
}

const reason = (of: Found) => divergenceOf(of)?.reason ?? null;

describe("code follows the record", () => {
  test("when it stands at something new behind all that is recorded", () => {
    expect(reason(found(record(recorded("a", "b")), seen("a", "b", "+c"), stands("+c")))).toBeNull();
  });

  test("when concurrent steps come in another order", () => {
    const of = record(recorded("a", "b", "c"), { state: "sleeping" });
    expect(reason(found(of, seen("c", "a", "b", "+d", "+e"), stands("+d", "+e")))).toBeNull();
  });

  test("when it returns what it had, whatever the order of an object's members", () => {
    const output = '{"b":[1,{"d":1,"c":2}],"a":2}' as Task["output"];
    const of = record(recorded("a"), { state: "completed", output });
    expect(reason(found(of, seen("a"), returns({ a: 2, b: [1, { c: 2, d: 1 }] })))).toBeNull();
    expect(reason(found(of, seen("a"), returns({ a: 2, b: [{ c: 2, d: 1 }, 1] })))).toBe("result");
  });

  test("when it raises what an attempt had raised", () => {
    const of = record(recorded("a"), {}, { failures: [{ name: "ValueError", message: "no" }] });
    expect(reason(found(of, seen("a"), raises("no")))).toBeNull();
    expect(reason(found(of, seen("a"), raises("other")))).toBe("error");
  });

  test("when a sleep of nothing, recorded as a step, is a sleep, and a wait that timed out a wait", () => {
    const [nap, ...waits] = recorded("nap:step", "paid:timeout", "child:timeout");
    const of = record([{ ...nap!, value: toJsonText(null) }, ...waits]);
    expect(reason(found(of, seen("nap:sleep", "paid:event", "child:task", "+x"), stands("+x")))).toBeNull();
  });

  test("when it stands at what was set aside, before anything later counts", () => {
    const wait: Wait = { step: "paid", kind: "event", target: "paid", deadlineAt: null, createdAt: 1 };
    const sleeping = record(recorded("a", "b"), { state: "sleeping" }, { waits: [wait] });
    expect(reason(found(sleeping, seen("a", "+b"), stands("+b"), 2))).toBeNull();
    const completed = record(recorded("a", "b"), { state: "completed", output: toJsonText(1) });
    expect(reason(found(completed, seen("a", "+b"), stands("+b"), 2))).toBeNull();
    expect(reason(found(completed, seen("a", "+x"), stands("+x"), 2))).toBe("new");
  });

  test("when it failed and the repaired code now returns", () => {
    expect(reason(found(record(recorded("a")), seen("a"), returns(1)))).toBeNull();
  });
});

describe("code leaves the record", () => {
  test("at something unrecorded while recorded steps are ahead", () => {
    const divergence = divergenceOf(found(record(recorded("a", "b")), seen("a", "+x"), stands("+x")));
    expect(divergence).toMatchObject({ reason: "new", name: "x", position: "now.py:x" });
    expect(divergence!.message).toBe("step x is not in the record, where step b (#2) came");
  });

  test("at something unrecorded where the run had completed", () => {
    const of = record(recorded("a"), { state: "completed", output: toJsonText(1) });
    expect(reason(found(of, seen("a", "+x"), stands("+x")))).toBe("new");
  });

  test("at an end before recorded steps", () => {
    const of = record(recorded("a", "b"));
    expect(divergenceOf(found(of, seen("a"), returns(1)))).toMatchObject({ reason: "skipped", name: "b" });
    expect(divergenceOf(found(of, seen("a"), raises("no")))).toMatchObject({ reason: "skipped", name: "b" });
  });

  test.each(["a:sleep", "a:event", "a:task"])("where a step is now used as %s", (use) => {
    const kind = use === "a:sleep" ? "event" : "step";
    expect(reason(found(record(recorded(`a:${kind}`)), seen(use), returns(1)))).toBe("kind");
  });

  test("where it does not come to what the run waits for", () => {
    const wait: Wait = { step: "paid", kind: "event", target: "paid", deadlineAt: null, createdAt: 1 };
    const of = record(recorded("a"), { state: "sleeping" }, { waits: [wait] });
    expect(reason(found(of, seen("a", "+paid:event"), stands("+paid:event")))).toBeNull();
    expect(divergenceOf(found(of, seen("a", "+b"), stands("+b")))).toMatchObject({ reason: "wait", name: "paid" });
    expect(reason(found(of, seen("a"), returns(1)))).toBe("wait");
  });
});

test("a plan has every name once: in the handler's order, then what it passed over", () => {
  const of = found(record(recorded("a", "b", "c", "d")), seen("b", "a", "+c", "+new"), stands("+new"), 3);
  expect(planOf(of).map(({ name, fate, seq }) => [name, fate, seq])).toEqual([
    ["b", "kept", 2],
    ["a", "kept", 1],
    ["c", "redone", 3],
    ["new", "new", null],
  ]);
  expect(planOf(found(of.record, seen("d"), returns(1))).map(({ name, fate }) => `${name} ${fate}`)).toEqual([
    "d kept",
    "a skipped",
    "b skipped",
    "c skipped",
  ]);
});

test("a place in a record is a name first, then a number, and a hint otherwise", () => {
  const steps = recorded("load", "7", "send");
  expect(recordedStep(steps, "send").seq).toBe(3);
  expect(recordedStep(steps, "#3").name).toBe("send");
  expect(recordedStep(steps, "1").name).toBe("load");
  expect(recordedStep(steps, "7").seq).toBe(2);
  expect(() => recordedStep(steps, "#9")).toThrow("the task has recorded no step #9");
  expect(() => recordedStep([], "load")).toThrow(expect.objectContaining({ hint: "It has recorded nothing." }));
  expect(() => recordedStep(steps, "laod")).toThrow(expect.objectContaining({ hint: "Did you mean load?" }));
});

test("what a fork's cause refers to comes back as it was, whatever the steps are called", () => {
  const name = fc.string({ unit: "grapheme", minLength: 1 });
  fc.assert(
    fc.property(fc.constantFrom(...FORK_EFFECTS), fc.nat(), fc.array(name), (effects, kept, edited) => {
      const ref = { taskId: TASK, effects, kept, edited };
      expect(readForkRef({ kind: "fork", ref: writeForkRef(ref) })).toEqual(ref);
    }),
  );
  for (const ref of ["", TASK, `${TASK}?effects=maybe`, "no?effects=live"]) {
    expect(readForkRef({ kind: "fork", ref })).toBeNull();
  }
  expect(readForkRef({ kind: "child", ref: `${TASK}?effects=live` })).toBeNull();
});
