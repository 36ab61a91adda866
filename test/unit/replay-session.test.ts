// What a replay offers a host and answers it, told through a host that plays a handler.
import { expect, test } from "vitest";
import { toJsonText, type JsonText } from "../../src/core/json-text.ts";
import type { RunId, TaskId } from "../../src/core/ids.ts";
import type { GenerationHost, RunEnd, RunSession, RunStart, Standing } from "../../src/ports/host.ts";
import type { Effect } from "../../src/ports/store-effects.ts";
import type { Checkpoint, Task } from "../../src/ports/store-types.ts";
import { replay, type ReplayDeps, type ReplayRequest } from "../../src/replay/session.ts";
import { ManualClock } from "../contract/manual-clock.ts";

const TASK = "01a20589-3f93-72c6-bfba-779db2ec990b" as TaskId;

type Handler = (start: RunStart, session: RunSession, signal: AbortSignal) => Promise<RunEnd>;

function checkpoint(name: string, seq: number): Checkpoint {
  const at = { attempt: 1, createdAt: 1, durationMs: 1, position: null, ownerRunId: TASK as string as RunId };
  return { name, kind: "step", value: toJsonText(name), seq, ...at };
}

function hostOf(run: Handler, watches = true): GenerationHost {
  return { generation: { id: "now" }, watches, run, retire: async () => undefined, kill: async () => undefined };
}

/** Effects of the task, by call type and ordinal. */
function depsOf(effects: readonly Partial<Effect>[] = [], clock = new ManualClock()): ReplayDeps {
  const rows = effects.map((one, index) => ({ id: String(index), ...one }) as Effect);
  const store = {
    effects: { list: async () => rows, get: async (id: string) => rows.find((one) => one.id === id) ?? null },
    reads: { find: async () => null, list: async () => [] },
  };
  return { store: store as unknown as ReplayDeps["store"], clock };
}

function requestOf(run: Handler, fields: Partial<ReplayRequest> = {}): ReplayRequest {
  const task = { taskId: TASK, workflowName: "w", state: "failed", input: toJsonText(1), output: null } as Task;
  const checkpoints = [checkpoint("a", 1), checkpoint("b", 2)];
  const record = { task, run: { runId: "run", attempt: 2 } as never, checkpoints, waits: [], failures: [] };
  return { record, host: hostOf(run), ...fields };
}

const standing = (name: string, kind: Standing["kind"] = "step"): Standing => ({
  name,
  kind,
  position: null,
  target: null,
});
const DONE: RunEnd = { kind: "result", value: toJsonText("done") };

/** Stands at these and answers what it was told. */
const at =
  (...all: Standing[]): Handler =>
  async (_, session) => ({ kind: "result", value: toJsonText(await session.watch!.stands(all)) });

const told = async (request: ReplayRequest) => {
  const { end } = await replay(depsOf(), request);
  return end.kind === "result" ? (JSON.parse(end.value) as unknown) : end;
};

test("the handler gets what is recorded before the place it begins from, with the edits", async () => {
  let given: RunStart | null = null;
  const handler: Handler = async (start) => {
    given = start;
    return DONE;
  };
  const edits = new Map([["a", toJsonText("edited")]]);
  await replay(depsOf(), requestOf(handler, { from: 2, edits, input: toJsonText(2) }));
  expect(given).toMatchObject({ taskId: TASK, attempt: 2, input: "2" });
  expect(given!.recorded).toEqual([{ name: "a", kind: "step", value: '"edited"' }]);
});

test("steps that are not recorded go as the policy says, waits never", async () => {
  const handler = at(standing("b"), standing("c"), standing("nap", "sleep"));
  const stubs = new Map([["c", "7" as JsonText]]);
  expect(await told(requestOf(handler))).toMatchObject({ kind: "stands" });
  expect(await told(requestOf(handler, { steps: "stub", from: 2 }))).toEqual({
    ways: [{ name: "b", kind: "step", value: '"b"' }],
  });
  expect(await told(requestOf(handler, { steps: "live", stubs }))).toEqual({
    ways: [
      { name: "b", kind: "run" },
      { name: "c", kind: "step", value: "7" },
    ],
  });
  expect(await told(requestOf(at(standing("nap", "sleep")), { steps: "live" }))).toMatchObject({ kind: "stands" });
  expect(await told(requestOf(handler, { steps: "block" }))).toMatchObject({ refused: expect.any(String) });
});

test("a step is written only when its body was let run", async () => {
  const handler: Handler = async (_, session) => {
    await session.watch!.stands([standing("c")]);
    const write = { value: toJsonText(1), durationMs: 1 };
    const [allowed, other] = [await session.step({ name: "c", ...write }), await session.step({ name: "d", ...write })];
    return { kind: "result", value: toJsonText([allowed.ok, other.ok]) };
  };
  expect(await told(requestOf(handler, { steps: "live" }))).toEqual([true, false]);
});

test("calls are answered as they were, and one without an answer drops the handler", async () => {
  const call = { type: "ctx.call_tool", args: toJsonText({}) };
  const handler =
    (ordinal: string): Handler =>
    async (_, session) => {
      const answer = await session.call({ ...call, ordinal }).catch(() => null);
      return answer === null ? { kind: "dropped" } : { kind: "result", value: toJsonText(answer) };
    };
  const effects = [
    { callType: call.type, ordinal: "1", state: "failed", error: "the newest attempt failed", answer: null },
    { callType: call.type, ordinal: "1", state: "done", answer: toJsonText({ n: 1 }), error: null },
    { callType: call.type, ordinal: "2", state: "failed", error: "no such tool", answer: null },
    { callType: call.type, ordinal: "3", state: "done", answer: null, error: null },
  ] as const;
  const end = async (ordinal: string, fields: Partial<ReplayRequest> = {}) =>
    (await replay(depsOf(effects), requestOf(handler(ordinal), fields))).end;
  expect(await end("1")).toEqual({ kind: "result", value: '{"ok":true,"value":"{\\"n\\":1}"}' });
  expect(await end("2")).toMatchObject({ value: '{"ok":false,"error":"no such tool"}' });
  expect(await end("3")).toMatchObject({ kind: "call", message: "ctx.call_tool 3: its answer was not kept" });
  expect(await end("4")).toMatchObject({ kind: "call", message: "ctx.call_tool 4: no answer is on record" });
  expect(await end("4", { effects: "stubbed" })).toMatchObject({ value: '{"ok":true,"value":"null"}' });
  expect(await end("1", { effects: "blocked" })).toMatchObject({ value: expect.stringContaining("is blocked") });
});

test("a handler without an end is stopped after its time", async () => {
  const clock = new ManualClock();
  const handler: Handler = (_, __, signal) =>
    new Promise((resolve) => {
      signal.addEventListener("abort", () => resolve({ kind: "dropped" }));
      clock.move(1_000);
    });
  const { end } = await replay(depsOf([], clock), requestOf(handler, { limitMs: 1_000 }));
  expect(end).toEqual({ kind: "lost", message: "it had no end within 1000 ms" });
});

test("a host that cannot follow a handler is not asked to run one", async () => {
  const host = hostOf(() => Promise.reject(new Error("asked")), false);
  const { end } = await replay(depsOf(), requestOf(at(), { host }));
  expect(end).toMatchObject({ kind: "lost", message: expect.stringContaining("cannot follow") });
});
