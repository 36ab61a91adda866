// Bundles out of one store and into another, with the data that may not leave replaced on the way.
import fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ExplainAnswer } from "../../src/http/explain.ts";
import { ImportAnswer } from "../../src/http/bundles.ts";
import { CheckpointsAnswer, ErrorAnswer, RunAnswer } from "../../src/http/answers.ts";
import { RunDiffAnswer } from "../../src/http/run-diff.ts";
import { decodeBundle, encodeBundle } from "../../src/replay/bundle-file.ts";
import { PART_NAMES, type Bundle } from "../../src/replay/bundle.ts";
import { redactBundle } from "../../src/replay/bundle-redact.ts";
import { EMAIL, NOW, SECRET, sleepingBundle, sleepingTask } from "./bundle-fixture.ts";
import { openApi, read, type Api } from "./http-fixture.ts";

let api: Api;
beforeEach(async () => {
  api = await openApi({ secrets: [SECRET] });
});
afterEach(() => api.close());

const bring = (file: Uint8Array): Promise<Response> =>
  Promise.resolve(
    api.app.request("/api/workflows/bundles", {
      method: "POST",
      headers: { "content-type": "application/octet-stream" },
      body: new Uint8Array(file),
    }),
  );
const brought = async (bundle: Bundle, status = 400) =>
  read(await bring(await encodeBundle(bundle)), ErrorAnswer, status);

test("an unfinished run becomes a record: ended, marked, with its steps, log, calls and code", async () => {
  const bundle = await sleepingBundle();
  const answer = await read(await bring(await encodeBundle(bundle)), ImportAnswer);
  expect(answer).toMatchObject({ status: "cancelled", original_status: "sleeping", redacted: false });
  const id = answer.task_id;
  const { run } = await read(await api.get(`/api/workflows/runs/${id}`), RunAnswer);
  expect(run).toMatchObject({ status: "cancelled", cause: { kind: "import", ref: "sleeping api" }, attempt: 2 });
  expect(run.idempotency_key).toBeNull();
  const { checkpoints, waits } = await read(await api.get(`/api/workflows/runs/${id}/checkpoints`), CheckpointsAnswer);
  expect(checkpoints.map(({ name }) => name)).toEqual(["load"]);
  expect(waits).toEqual([]);
  const lines = await api.store.logs.list(bundle.parts.task[0]!.taskId, { limit: 10 });
  expect(lines.map(({ message }) => message)).toEqual([
    `mail to ${EMAIL}`,
    expect.stringMatching(
      /^imported from a bundle of Chiron 1\.2\.3, exported 2030-01-01.*sleeping there.*waited for paid/,
    ),
  ]);
  expect(await api.store.effects.get(bundle.parts.effects[0]!.id)).toMatchObject({ state: "failed", finishedAt: NOW });
  const { findings } = await read(await api.get(`/api/workflows/runs/${id}/explain`), ExplainAnswer);
  expect(findings.map(({ kind }) => kind)).toEqual(["cancelled", "imported"]);
});

test("its code is kept under a name that no code of this machine has", async () => {
  const bundle = await sleepingBundle();
  await bring(await encodeBundle(bundle));
  const { run } = (await api.store.reads.find(bundle.about.taskId))!;
  expect(run.generation).toMatch(/^[0-9a-f]{64}-imported$/);
  const kept = (await api.store.code.get(run.generation!))!;
  expect(kept.files).toEqual(bundle.parts.generations[0]!.files);
  expect(await api.store.code.get("g1")).toBeNull();
});

test("no event wakes it, and its key starts a task here as if it had not come", async () => {
  const bundle = await sleepingBundle();
  await bring(await encodeBundle(bundle));
  const [emitted] = await api.store.events.emit([{ name: bundle.parts.waits[0]!.target!, payload: "1" as never }]);
  expect(emitted!.woken).toEqual([]);
  const { queue, workflowName, input } = bundle.parts.task[0]!;
  const task = { queue, workflowName, input, maxAttempts: 1, cause: { kind: "api" as const }, idempotencyKey: "k-1" };
  expect((await api.store.tasks.enqueue([task]))[0]).toMatchObject({ created: true });
});

test("what is here already is refused as a conflict", async () => {
  const file = await encodeBundle(await sleepingBundle());
  await bring(file);
  expect(await read(await bring(file), ErrorAnswer, 409)).toMatchObject({ code: "conflict" });
});

test("by default nothing personal and no secret leaves, and what was replaced is listed by place", async () => {
  const id = await sleepingTask(api.store);
  const response = await api.get(`/api/workflows/runs/${id}/bundle`);
  const bundle = await decodeBundle(Buffer.from(await response.arrayBuffer()));
  const text =
    JSON.stringify(bundle) + bundle.parts.sources.map(({ content }) => Buffer.from(content, "base64")).join();
  for (const private_ of [EMAIL, "Grace Hopper", SECRET.value]) expect(text).not.toContain(private_);
  const places = bundle.about.replaced.map(({ where, paths }) => [where, ...paths].join(" "));
  expect(places).toEqual(
    expect.arrayContaining([
      "task.input $.email",
      "runs[0].failure.message",
      "runs[0].failure.traceback",
      "checkpoints[0].value $.user.name",
      "logs[0].message",
      "logs[0].fields $.to",
    ]),
  );
  expect(places.filter((place) => place.startsWith("sources "))).toHaveLength(1);
  expect(bundle.parts.task[0]!.input).toContain('"big":9007199254740993,"tag":1.0');
  // The same person is the same stand-in everywhere.
  const { email } = JSON.parse(bundle.parts.task[0]!.input) as { email: string };
  expect(bundle.parts.logs[0]!.message).toBe(`mail to ${email}`);
  const full = await api.get(`/api/workflows/runs/${id}/bundle?data=full`);
  expect(JSON.stringify(await decodeBundle(Buffer.from(await full.arrayBuffer())))).toContain(EMAIL);
});

test("an imported run with stand-ins differs from the original by them alone", async () => {
  const original = await sleepingBundle();
  const redacted = redactBundle(original, [SECRET]);
  expect(redacted.parts.checkpoints.map(({ name }) => name)).toEqual(
    original.parts.checkpoints.map(({ name }) => name),
  );
  const answer = await read(await bring(await encodeBundle(redacted)), ImportAnswer);
  const local = await sleepingTask(api.store).catch(() => null);
  expect(local).not.toBeNull();
  const diff = await read(await api.get(`/api/workflows/runs/${answer.task_id}/diff?against=${local}`), RunDiffAnswer);
  expect(diff.input.changes.map(({ path }) => path)).toEqual(["$.email"]);
  expect(diff.steps.map(({ status }) => status)).toEqual(["changed"]);
});

type Change = (bundle: Bundle) => Partial<Bundle["parts"]>;
test.each<[string, Change]>([
  [
    "another task in the first line",
    ({ parts }) => ({ task: [{ ...parts.task[0]!, taskId: crypto.randomUUID() as never }] }),
  ],
  ["a run twice", ({ parts }) => ({ runs: [...parts.runs, parts.runs[0]!] })],
  [
    "a result of a task that did not complete",
    ({ parts }) => ({ task: [{ ...parts.task[0]!, output: "1" as never }] }),
  ],
  ["a failure that is missing", ({ parts }) => ({ runs: parts.runs.map((run) => ({ ...run, failure: null })) })],
  ["no run at all", () => ({ runs: [] })],
  ["a log of another task", ({ parts }) => ({ logs: [{ ...parts.logs[0]!, taskId: crypto.randomUUID() as never }] })],
  ["a step twice", ({ parts }) => ({ checkpoints: [...parts.checkpoints, ...parts.checkpoints] })],
  ["code that is not what its hash says", ({ parts }) => ({ sources: [{ ...parts.sources[0]!, content: "AAAA" }] })],
])("%s is refused, and nothing of it is kept", async (_, change) => {
  const bundle = await sleepingBundle();
  const parts = { ...bundle.parts, ...change(bundle) };
  expect(await brought({ ...bundle, parts })).toMatchObject({ code: "bundle_invalid" });
  expect(await api.store.reads.list({ limit: 10 })).toEqual([]);
  expect(await api.store.code.list(10)).toEqual([]);
});

test("whatever stands in a row, the file is taken in or refused by name", async () => {
  const bundle = await sleepingBundle();
  const odd = fc.oneof(
    fc.constantFrom<unknown>(null, -1, 0, 1.5, 1e308, 2 ** 40, "", "\u0000", "\ud800", "x".repeat(5_000), [], {}, true),
    fc.constantFrom<unknown>("completed", "failed", "pending", "running", "started", "done", "filtered", "[[1]]"),
    fc.jsonValue(),
  );
  const place = fc.record({ part: fc.constantFrom(...PART_NAMES), row: fc.nat(3), field: fc.nat(30), value: odd });
  await fc.assert(
    fc.asyncProperty(fc.array(place, { minLength: 1, maxLength: 3 }), async (places) => {
      const parts = structuredClone(bundle.parts) as unknown as Record<string, Record<string, unknown>[]>;
      for (const { part, row, field, value } of places) {
        const target = parts[part]![row % Math.max(1, parts[part]!.length)];
        const names = Object.keys(target ?? {});
        if (target) target[names[field % names.length]!] = value;
      }
      const response = await bring(await encodeBundle({ ...bundle, parts: parts as unknown as Bundle["parts"] }));
      expect({ status: response.status, text: await response.text(), places }).not.toMatchObject({ status: 500 });
      expect([200, 400, 409, 413]).toContain(response.status);
      // So that the next one meets the tables, not its own id.
      await api.store.tasks.forget(8e15, 10);
    }),
    { numRuns: 300 },
  );
});

test("a bundle of a task that is not there is not found", async () => {
  for (const id of ["nonsense", crypto.randomUUID()]) {
    expect(await read(await api.get(`/api/workflows/runs/${id}/bundle`), ErrorAnswer, 404)).toBeTruthy();
  }
});
