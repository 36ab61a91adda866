// The code that runs ran on, and which generation a task is pinned to.
import { expect } from "vitest";
import { LARGEST_SOURCE_BYTES, MOST_SOURCES, sha256Of } from "../../src/core/source-code.ts";
import type { NewGeneration, Source } from "../../src/ports/store-code.ts";
import type { Case } from "./case.ts";
import { BROKEN, onEvent, onTime, type Given } from "./given.ts";

const DAY_MS = 86_400_000;

export function sourceOf(text: string): Source {
  const content = Buffer.from(text);
  return { sha256: sha256Of(content), content };
}

export function generationOf(id: string, sources: Readonly<Record<string, Source>>): NewGeneration {
  const files = Object.fromEntries(Object.entries(sources).map(([path, source]) => [path, source.sha256]));
  return {
    id,
    dirs: ["/app/workflows"],
    files,
    workflows: { greet: "/app/workflows/greet.py" },
    chironVersion: "1.2.3",
    pythonVersion: "3.13.1",
  };
}

const GREET = sourceOf("WORKFLOW_NAME = 'greet'\n".repeat(50));
const SHORT = sourceOf("x");

async function recorded({ store }: Given, id: string, sources: Record<string, Source> = { "/app/a.py": GREET }) {
  const answer = await store.code.record(generationOf(id, sources), Object.values(sources));
  expect(answer).toEqual({ ok: true });
}

const pinOf = async (given: Given, taskId: string) => (await given.found(taskId as never)).task.pinnedGeneration;

export function codeContract(test: Case): void {
  recording(test);
  forgetting(test);
  pins(test);
}

function recording(test: Case): void {
  test("a generation comes back as it was recorded, with the content of its files", async (given) => {
    const { store, clock } = given;
    const odd = sourceOf("\u0000 not text \uffff".repeat(3));
    const generation = generationOf("one", {
      "/app/workflows/greet.py": GREET,
      "/app/Ünï.py": SHORT,
      "/app/odd.py": odd,
    });
    expect(await store.code.record(generation, [GREET, SHORT, odd])).toEqual({ ok: true });
    const at = clock.now();
    expect(await store.code.get("one")).toEqual({ ...generation, firstServedAt: at, lastServedAt: at });
    const found = await store.code.sources([GREET.sha256, SHORT.sha256, odd.sha256, sourceOf("none").sha256]);
    const contents = new Map(found.map(({ sha256, content }) => [sha256, Buffer.from(content)]));
    expect(contents).toEqual(new Map([GREET, SHORT, odd].map(({ sha256, content }) => [sha256, content])));
    expect(await store.code.get("two")).toBeNull();
  });

  test("a generation whose content is not all here is not kept, and says what is missing", async (given) => {
    const { store } = given;
    const generation = generationOf("one", { "/app/a.py": GREET, "/app/b.py": SHORT, "/app/c.py": SHORT });
    const first = await store.code.record(generation, []);
    expect(first.ok ? [] : first.missing.toSorted()).toEqual([GREET.sha256, SHORT.sha256].toSorted());
    expect(await store.code.record(generation, [GREET])).toEqual({ ok: false, missing: [SHORT.sha256] });
    expect(await store.code.get("one")).toBeNull();
    expect(await store.code.record(generation, [SHORT])).toEqual({ ok: true });
    // Each content is here once, whoever brought it.
    expect(await store.code.record({ ...generation, id: "two" }, [])).toEqual({ ok: true });
  });

  test("a generation that is recorded again keeps what it was and is served again", async (given) => {
    const { store, clock } = given;
    await recorded(given, "one");
    const before = await store.code.get("one");
    clock.move(1_000);
    expect(
      await store.code.record({ ...generationOf("one", { "/app/a.py": GREET }), pythonVersion: "3.99" }, []),
    ).toEqual({ ok: true });
    expect(await store.code.get("one")).toEqual({ ...before, lastServedAt: clock.now() });
  });

  test("code that is too large is refused by name", async ({ store }) => {
    const large = { sha256: "0".repeat(64), content: Buffer.alloc(LARGEST_SOURCE_BYTES + 1) };
    const generation = generationOf("large", { "/app/a.py": large });
    await expect(store.code.record(generation, [large])).rejects.toMatchObject({ code: "too_large" });
    const files = Object.fromEntries(
      Array.from({ length: MOST_SOURCES + 1 }, (_, n) => [`/app/${n}.py`, GREET.sha256]),
    );
    await expect(store.code.record({ ...generation, files }, [])).rejects.toMatchObject({ code: "too_large" });
  });
}

function forgetting(test: Case): void {
  test("a list says what runs and unfinished tasks use each generation, newest first", async (given) => {
    const { store, clock } = given;
    await recorded(given, "one", { "/app/a.py": GREET, "/app/b.py": SHORT });
    clock.move(1_000);
    await recorded(given, "two");
    for (let n = 0; n < 3; n += 1) await given.task();
    const [done, failed, asleep] = await given.claim({ generation: "one" });
    await given.complete(done!);
    await given.fail(failed!, 0);
    await given.asleep(asleep!, onEvent("never"));
    await given.claimOne({ generation: "two" });
    const uses = await store.code.list(10);
    expect(uses).toMatchObject([
      { id: "two", files: 1, workflows: 1, runs: 1, unfinished: 0, chironVersion: "1.2.3", pythonVersion: "3.13.1" },
      { id: "one", files: 2, runs: 3, unfinished: 2 },
    ]);
    expect(await store.code.list(1)).toEqual([uses[0]]);
  });

  test("what no run ran on is forgotten after a time, with the content that only it had", async (given) => {
    const { store, clock } = given;
    await recorded(given, "ran");
    await recorded(given, "unused", { "/app/a.py": GREET, "/app/b.py": SHORT });
    await given.task();
    await given.complete(await given.claimOne({ generation: "ran" }));
    const request = { serving: [], idleMs: DAY_MS };
    expect(await store.code.prune(request)).toEqual({ generations: 0, sources: 0, missing: [] });
    clock.move(DAY_MS + 1);
    expect(await store.code.prune(request)).toEqual({ generations: 1, sources: 1, missing: [] });
    expect(await store.code.get("unused")).toBeNull();
    expect(await store.code.get("ran")).not.toBeNull();
    expect(await store.code.sources([GREET.sha256, SHORT.sha256])).toHaveLength(1);
    // Retention takes the last task that ran on it.
    await store.tasks.forget(clock.now(), 10);
    expect(await store.code.prune(request)).toEqual({ generations: 1, sources: 1, missing: [] });
  });

  test("what an unfinished task is pinned to, and what is served, is not forgotten", async (given) => {
    const { store, clock } = given;
    for (const id of ["pinned", "now", "served"]) await recorded(given, id);
    await given.task();
    await given.asleep(await given.claimOne({ generation: "pinned" }), onTime(1));
    clock.move(1);
    await given.asleep(await given.claimOne({ generation: "now" }), onEvent("never"));
    clock.move(DAY_MS + 1);
    const answer = await store.code.prune({ serving: ["served", "unknown"], idleMs: DAY_MS });
    expect(answer).toEqual({ generations: 0, sources: 0, missing: ["unknown"] });
    expect((await store.code.get("served"))!.lastServedAt).toBe(clock.now());
  });
}

function pins(test: Case): void {
  test("a task is pinned to the generation of its first claim, over sleeps and attempts", async (given) => {
    const { taskId } = await given.task();
    expect(await pinOf(given, taskId)).toBeNull();
    const first = await given.claimOne({ generation: "one" });
    expect(first.pinnedGeneration).toBe("one");
    await given.asleep(first, onTime(1));
    given.clock.move(1);
    const awake = await given.claimOne({ generation: "two" });
    expect(awake.pinnedGeneration).toBe("one");
    expect((await given.found(awake.runId)).run.generation).toBe("two");
    await given.fail(awake, 0, BROKEN);
    const second = await given.claimOne({ generation: "three" });
    expect(second).toMatchObject({ attempt: 2, pinnedGeneration: "one" });
    await given.fail(second);
    await given.retry(taskId);
    expect((await given.claimOne({ generation: "four" })).pinnedGeneration).toBe("one");
    expect(await pinOf(given, taskId)).toBe("one");
  });

  test("a claim that keeps pins notes the pinned generation, and its own where there is none", async (given) => {
    await given.task();
    const first = await given.claimOne({ generation: "one", keepPinned: true });
    await given.asleep(first, onTime(1));
    given.clock.move(1);
    const awake = await given.claimOne({ generation: "two", keepPinned: true });
    expect((await given.found(awake.runId)).run.generation).toBe("one");
    await given.fail(awake, 0);
    const second = await given.claimOne({ generation: "two", keepPinned: true });
    expect(second.attempt).toBe(2);
    expect((await given.found(second.runId)).run.generation).toBe("one");
  });

  test("a claim without a generation pins nothing", async (given) => {
    const run = await given.running();
    expect(run.pinnedGeneration).toBeNull();
    await given.store.progress.stamp([{ ...run, generation: "one", pin: true }]);
    expect((await given.found(run.runId)).run.generation).toBe("one");
    expect(await pinOf(given, run.taskId)).toBe("one");
  });

  test("a stamp pins only when it says so, in any attempt", async (given) => {
    const { taskId } = await given.task();
    const run = await given.claimOne({ generation: "one" });
    await given.store.progress.stamp([{ ...run, generation: "two" }]);
    expect(await pinOf(given, taskId)).toBe("one");
    await given.fail(run, 0);
    const second = await given.claimOne({ generation: "two" });
    await given.store.progress.stamp([{ ...second, generation: "three", pin: true }]);
    expect(await pinOf(given, taskId)).toBe("three");
    expect((await given.store.reads.runs(taskId)).map((one) => one.generation)).toEqual(["two", "three"]);
    await given.store.progress.stamp([{ ...run, generation: "late", pin: true }]);
    expect(await pinOf(given, taskId)).toBe("three");
  });

  test("a retry that unpins leaves the new attempt to the next claim", async (given) => {
    const { taskId } = await given.task({ maxAttempts: 1 });
    await given.fail(await given.claimOne({ generation: "old" }));
    await given.retry(taskId, { unpin: true });
    const next = await given.claimOne({ generation: "new", keepPinned: true });
    expect(next.pinnedGeneration).toBe("new");
    expect((await given.store.reads.runs(taskId)).map((run) => run.generation)).toEqual(["old", "new"]);
  });

  test("a release that unpins leaves the task to the next claim", async (given) => {
    const { taskId } = await given.task();
    const run = await given.claimOne({ generation: "old" });
    await given.store.claims.release([{ ...run, unpin: true }]);
    expect(await pinOf(given, taskId)).toBeNull();
    const next = await given.claimOne({ generation: "new" });
    expect(next.pinnedGeneration).toBe("new");
    await given.store.claims.release([next]);
    expect(await pinOf(given, taskId)).toBe("new");
  });
}
