// Recording code before it runs: what goes to the store, what happens when it cannot, and code that is too large.
import { afterEach, beforeEach, expect, test } from "vitest";
import { openSqlite } from "../../adapters/sqlite/open.ts";
import { Bus, type RuntimeEvent } from "../../src/core/bus.ts";
import { ChironError } from "../../src/core/errors.ts";
import { LARGEST_SOURCE_BYTES, sha256Of } from "../../src/core/source-code.ts";
import { CodeRecords } from "../../src/engine/code-records.ts";
import type { KeptGeneration } from "../../src/ports/host.ts";
import type { CodeStore } from "../../src/ports/store-code.ts";
import type { Store } from "../../src/ports/store.ts";
import { ManualClock } from "../contract/manual-clock.ts";

const DAY_MS = 86_400_000;

let store: Store;
let clock: ManualClock;
let events: RuntimeEvent[];
let contents: Map<string, Buffer>;
let records: CodeRecords;

beforeEach(async () => {
  clock = new ManualClock();
  store = await openSqlite({ path: ":memory:", clock });
  events = [];
  contents = new Map();
  records = recordsOn(store);
});

afterEach(() => store.admin.close());

function recordsOn(target: { readonly code: CodeStore }): CodeRecords {
  const bus = new Bus();
  bus.subscribe((event) => events.push(event));
  return new CodeRecords({
    store: target,
    bus,
    source: async (sha256) => contents.get(sha256) ?? null,
    versions: async () => ({ chironVersion: "1", pythonVersion: "3" }),
  });
}

function generation(id: string, files: Readonly<Record<string, string | Buffer>>): KeptGeneration {
  const hashes = Object.entries(files).map(([path, text]): [string, string] => {
    const content = Buffer.from(text as string);
    contents.set(sha256Of(content), content);
    return [path, sha256Of(content)];
  });
  return { id, dirs: ["/app"], files: Object.fromEntries(hashes), workflows: {} };
}

test("what is added is recorded with all of its content, in order, and then nothing is pending", async () => {
  expect(records.pending()).toBeNull();
  records.add(generation("one", { "/app/a.py": "a", "/app/b.py": "b" }));
  records.add(generation("two", { "/app/a.py": "a", "/app/b.py": "changed" }));
  await records.pending();
  expect(records.pending()).toBeNull();
  const two = await store.code.get("two");
  expect(two).toMatchObject({ chironVersion: "1", pythonVersion: "3", dirs: ["/app"] });
  expect(await store.code.sources(Object.values(two!.files))).toHaveLength(2);
  expect(await store.code.get("one")).not.toBeNull();
});

test("much content goes in several calls", async () => {
  const half = (letter: string): string => letter.repeat(LARGEST_SOURCE_BYTES / 2);
  let calls = 0;
  const counted = {
    ...store.code,
    record: (...all: Parameters<CodeStore["record"]>) => ((calls += 1), store.code.record(...all)),
  };
  records = recordsOn({ code: counted });
  records.add(generation("large", { "/app/a.py": half("a"), "/app/b.py": half("b"), "/app/c.py": half("c") }));
  await records.pending();
  expect(await store.code.get("large")).not.toBeNull();
  expect(calls).toBe(3);
});

test("a file that is gone before it could be read is left out", async () => {
  const one = generation("one", { "/app/a.py": "a", "/app/gone.py": "gone" });
  contents.delete(one.files["/app/gone.py"]!);
  records.add(one);
  await records.pending();
  expect(Object.keys((await store.code.get("one"))!.files)).toEqual(["/app/a.py"]);
});

test("while the store cannot, it stays pending and says why; later it is recorded", async () => {
  let isBroken = true;
  const record: CodeStore["record"] = (...all) =>
    isBroken ? Promise.reject(new ChironError("store_full", "the disk is full")) : store.code.record(...all);
  records = recordsOn({ code: { ...store.code, record } });
  records.add(generation("one", { "/app/a.py": "a" }));
  await expect(records.pending()).rejects.toThrow("the disk is full");
  await expect(records.pending()).rejects.toThrow("the disk is full");
  isBroken = false;
  await records.pending();
  expect(records.pending()).toBeNull();
  expect(await store.code.get("one")).not.toBeNull();
});

test("code that is too large is named once and holds nothing up", async () => {
  records.add(generation("large", { "/app/a.py": Buffer.alloc(LARGEST_SOURCE_BYTES + 1) }));
  records.add(generation("small", { "/app/a.py": "a" }));
  await records.pending();
  expect(events).toMatchObject([{ type: "code.unkept", generation: "large" }]);
  expect(await store.code.get("large")).toBeNull();
  expect(await store.code.get("small")).not.toBeNull();
  await records.prune(new Set(["large", "small"]), DAY_MS);
  expect(events).toHaveLength(1);
});

test("pruning forgets what was unused for long, and records again what serves and was lost", async () => {
  records.add(generation("before", { "/app/a.py": "a" }));
  records.add(generation("now", { "/app/a.py": "b" }));
  await records.pending();
  clock.move(DAY_MS + 1);
  await records.prune(new Set(["now"]), DAY_MS);
  expect(await store.code.get("before")).toBeNull();
  // Somebody else's hand: a restored backup.
  const other = await openSqlite({ path: ":memory:", clock });
  const moved = recordsOn(other);
  moved.add(generation("now", { "/app/a.py": "b" }));
  await moved.pending();
  await other.code.prune({ serving: [], idleMs: DAY_MS });
  clock.move(DAY_MS + 1);
  await other.code.prune({ serving: [], idleMs: DAY_MS });
  expect(await other.code.get("now")).toBeNull();
  await moved.prune(new Set(["now"]), DAY_MS);
  expect(await other.code.get("now")).not.toBeNull();
  await other.admin.close();
});
