// Generations that serve no longer: loaded once, few at a time, ended when idle, and told apart from those that cannot be had.
import { afterEach, beforeEach, expect, test } from "vitest";
import { OlderGenerations } from "../../src/catalog/older-generations.ts";
import { Bus, type RuntimeEvent } from "../../src/core/bus.ts";
import { ChironError } from "../../src/core/errors.ts";
import type { OlderCode } from "../../src/engine/task-code.ts";
import type { Discovery, GenerationHost, KeptGeneration, RunEnd, RunSession, RunStart } from "../../src/ports/host.ts";
import type { StoredGeneration } from "../../src/ports/store-code.ts";
import { ManualClock } from "../contract/manual-clock.ts";

const MINUTE_MS = 60_000;
const RESULT = { kind: "not_started", reason: "" } as RunEnd;

let clock: ManualClock;
let older: OlderGenerations;
let opened: string[];
let retired: string[];
let events: RuntimeEvent[];
let kept: Set<string>;
let fault: (() => Error) | null;

beforeEach(() => {
  clock = new ManualClock();
  opened = [];
  retired = [];
  events = [];
  kept = new Set(["a", "b", "c", "d", "e", "f"]);
  fault = null;
  const bus = new Bus();
  bus.subscribe((event) => events.push(event));
  older = new OlderGenerations({
    clock,
    bus,
    host: { open },
    store: {
      code: { get: async (id) => (kept.has(id) ? ({ id } as StoredGeneration) : null), sources: async () => [] },
    },
  });
});

afterEach(() => older.close());

async function open({ id }: KeptGeneration) {
  opened.push(id);
  if (fault) throw fault();
  return loadedOf(id);
}

/** Serves the workflow "greet"; a file of it did not load. */
function loadedOf(id: string, run: () => Promise<RunEnd> = async () => RESULT) {
  const host: GenerationHost = {
    generation: { id },
    run,
    retire: async () => void retired.push(id),
    kill: async () => undefined,
  };
  const problem = {
    path: "/app/bad.py",
    line: 1,
    kind: "import",
    message: "no module x",
    severity: "error",
    workflowName: "bad",
  };
  const discovery = { workflows: [{ workflowName: "greet" }], problems: [problem] } as unknown as Discovery;
  return { host, discovery };
}

const greet = (id: string): Promise<OlderCode> => older.find(id, "greet");

async function hostOf(id: string): Promise<GenerationHost> {
  const found = await greet(id);
  if (found.kind !== "here") throw new Error(`${id}: ${found.kind}: ${found.reason}`);
  return found.runnable.host;
}

/** Lets what waits for the clock go on. */
async function pass(ms: number): Promise<void> {
  clock.move(ms);
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
}

test("a generation that many ask for at once is loaded once, and said so", async () => {
  const all = await Promise.all(Array.from({ length: 50 }, () => greet("a")));
  expect(all.every(({ kind }) => kind === "here")).toBe(true);
  expect(opened).toEqual(["a"]);
  expect(events).toMatchObject([{ type: "code.loaded", generation: "a" }]);
});

test("one that is not kept, or has no such workflow, or whose file does not load is gone, with the reason", async () => {
  expect(await greet("unknown")).toEqual({ kind: "gone", reason: "it is not kept any more" });
  expect(await older.find("a", "other")).toEqual({ kind: "gone", reason: "it has no workflow other" });
  expect(await older.find("a", "bad")).toEqual({ kind: "gone", reason: "/app/bad.py: no module x" });
});

test("a host that runs only what the folders hold has none but those that it still runs", async () => {
  const store = { code: { get: async () => null, sources: async () => [] } };
  const plain = new OlderGenerations({ clock, bus: new Bus(), host: {}, store });
  expect(await plain.find("a", "greet")).toMatchObject({ kind: "gone", reason: expect.stringContaining("folders") });
  plain.adopt(loadedOf("b"));
  expect(await plain.find("b", "greet")).toMatchObject({ kind: "here" });
  await plain.close();
});

test("one that nobody uses for a minute ends, and is loaded again when asked for", async () => {
  await (await hostOf("a")).run({} as RunStart, {} as RunSession, new AbortController().signal);
  await pass(MINUTE_MS);
  expect(retired).toEqual(["a"]);
  expect([...older.ids()]).toEqual([]);
  await greet("a");
  expect(opened).toEqual(["a", "a"]);
});

test("one that runs something does not end", async () => {
  const ended = Promise.withResolvers<RunEnd>();
  older.adopt(loadedOf("a", () => ended.promise));
  const running = (await hostOf("a")).run({} as RunStart, {} as RunSession, new AbortController().signal);
  await pass(MINUTE_MS);
  await pass(MINUTE_MS);
  expect(retired).toEqual([]);
  ended.resolve(RESULT);
  await running;
  await pass(2 * MINUTE_MS);
  await pass(2 * MINUTE_MS);
  expect(retired).toEqual(["a"]);
});

test("at most four are there at a time; the one that was unused longest makes room, a busy or fresh one does not", async () => {
  for (const id of ["a", "b", "c", "d"]) {
    await greet(id);
    clock.move(1);
  }
  expect(await greet("e")).toMatchObject({ kind: "later" });
  await pass(3_000);
  await greet("a");
  expect(await greet("e")).toMatchObject({ kind: "here" });
  await pass(0);
  expect(retired).toEqual(["b"]);
  expect([...older.ids()].toSorted()).toEqual(["a", "c", "d", "e"]);
});

test("what was replaced here is used as it is, and let go where there is no room", async () => {
  older.adopt(loadedOf("a"));
  await greet("a");
  expect(opened).toEqual([]);
  for (const id of ["b", "c", "d"]) await greet(id);
  older.adopt(loadedOf("e"));
  await pass(0);
  expect(retired).toEqual(["e"]);
});

test("a process that does not come up is tried three times, then the code is gone for a while", async () => {
  fault = () => new ChironError("host_failed", "no discovery");
  expect(await Promise.all([greet("a"), greet("a")])).toMatchObject([{ kind: "later" }, { kind: "later" }]);
  expect(await greet("a")).toMatchObject({ kind: "later" });
  expect(await greet("a")).toEqual({ kind: "gone", reason: "no discovery" });
  expect(await greet("a")).toMatchObject({ kind: "gone" });
  expect(opened).toHaveLength(3);
  fault = null;
  await pass(11 * MINUTE_MS);
  expect(await greet("a")).toMatchObject({ kind: "here" });
});

test("a store that cannot say is a fault, not the end of the code", async () => {
  fault = () => new ChironError("unavailable", "no connection");
  await expect(greet("a")).rejects.toThrow("no connection");
  fault = null;
  expect(await greet("a")).toMatchObject({ kind: "here" });
});
