// Two recorded runs compared over the API, and what `chiron diff` prints of it.
import { afterEach, beforeEach, expect, test } from "vitest";
import { RunDiffAnswer } from "../../src/http/run-diff.ts";
import { ErrorAnswer } from "../../src/http/answers.ts";
import { generationOf, sourceOf } from "../contract/code.ts";
import { runCli } from "./cli-fixture.ts";
import { asJson, claim, openApi, read, start, type Api, type Created } from "./http-fixture.ts";

let api: Api;
beforeEach(async () => {
  api = await openApi();
});
afterEach(() => api.close());

interface Course {
  readonly input?: unknown;
  readonly steps: Readonly<Record<string, unknown>>;
  readonly output?: unknown;
  readonly failure?: string;
  readonly generation?: string;
}

async function recorded({ input = {}, steps, output, failure, generation }: Course): Promise<Created> {
  const created = await start(api, { workflow_name: "order", input });
  const run = await claim(api);
  if (generation !== undefined) await api.store.progress.stamp([{ ...run, generation }]);
  for (const [name, value] of Object.entries(steps)) {
    const write = { ...run, name, value: asJson(JSON.stringify(value)), leaseMs: 60_000, durationMs: 5 };
    await api.store.progress.checkpoint([{ ...write, position: "order.py:3" }]);
  }
  if (failure === undefined) {
    await api.store.progress.complete([{ ...run, output: asJson(JSON.stringify(output ?? null)) }]);
  } else {
    const why = { name: "ValueError", message: failure };
    await api.store.progress.fail([{ ...run, failure: why, retryDelayMs: null }]);
  }
  return created;
}

const compare = async (a: Created, b: Created) =>
  read(await api.get(`/api/workflows/runs/${a.task_id}/diff?against=${b.run_id}`), RunDiffAnswer);

const COURSE: Course = { input: { n: 1 }, steps: { load: { items: [1, 2] }, send: "ok" }, output: 3 };

test("runs that got, did and ended the same are equal, whatever time they took", async () => {
  const answer = await compare(await recorded(COURSE), await recorded(COURSE));
  expect(answer).toMatchObject({ equal: true, first_divergence: null, status: { a: "completed", b: "completed" } });
  expect(answer.steps.map(({ name, status }) => [name, status])).toEqual([
    ["load", "same"],
    ["send", "same"],
  ]);
  expect(answer.steps[0]).toMatchObject({ duration_ms: { a: 5, b: 5 }, position: { a: "order.py:3" } });
});

test("the first difference is told with its path", async () => {
  const other = { ...COURSE, steps: { load: { items: [1, 9] }, more: 1, send: "ok" }, output: 4 };
  const answer = await compare(await recorded(COURSE), await recorded(other));
  expect(answer.first_divergence).toEqual({
    where: "step",
    step: 0,
    message: "the results of step load differ at $.items[1]",
  });
  expect(answer.steps.map(({ status }) => status)).toEqual(["changed", "only_b", "same"]);
  expect(answer.output.changes).toEqual([{ path: "$", kind: "changed", before: "3", after: "4" }]);
});

test.each<[string, Course, string]>([
  ["another input", { ...COURSE, input: { n: 2 } }, "the inputs differ at $.n"],
  ["a step less", { ...COURSE, steps: { load: { items: [1, 2] } } }, "only A has step send"],
  ["another end", { ...COURSE, failure: "empty" }, "A is completed, B is failed"],
  ["another result", { ...COURSE, output: 4 }, "the results differ at $"],
])("%s is the first difference", async (_, course, message) => {
  const answer = await compare(await recorded(COURSE), await recorded(course));
  expect(answer).toMatchObject({ equal: false, first_divergence: { message } });
});

test("an attempt shows its task as it was at that attempt's end", async () => {
  const created = await start(api);
  const first = await claim(api);
  const failure = { name: "ValueError", message: "once" };
  await api.store.progress.fail([{ ...first, failure, retryDelayMs: 0 }]);
  const second = await claim(api);
  const write = { ...second, name: "late", value: asJson("1"), leaseMs: 60_000, durationMs: 1 };
  await api.store.progress.checkpoint([write]);
  const answer = await compare(created, created);
  expect(answer).toMatchObject({ a: { attempt: 2 }, b: { attempt: 1 }, failure: { a: null, b: failure } });
  expect(answer.steps).toMatchObject([{ name: "late", status: "only_a" }]);
});

test("the files in which their code differs are named below the workflow folders", async () => {
  const keep = async (id: string, sources: Parameters<typeof generationOf>[1]) =>
    api.store.code.record({ ...generationOf(id, sources), dirs: [`/${id}`] }, Object.values(sources));
  await keep("g1", { "/g1/a.py": sourceOf("a"), "/g1/b.py": sourceOf("b"), "/g1/gone.py": sourceOf("x") });
  await keep("g2", { "/g2/a.py": sourceOf("a"), "/g2/b.py": sourceOf("B"), "/g2/new.py": sourceOf("y") });
  const answer = await compare(
    await recorded({ ...COURSE, generation: "g1" }),
    await recorded({ ...COURSE, generation: "g2" }),
  );
  expect(answer.equal).toBe(true);
  expect(answer.code).toEqual([
    { path: "b.py", change: "changed" },
    { path: "gone.py", change: "removed" },
    { path: "new.py", change: "added" },
  ]);
});

test("what is not there is not found", async () => {
  const { task_id } = await start(api);
  for (const against of ["nonsense", crypto.randomUUID()]) {
    const response = await api.get(`/api/workflows/runs/${task_id}/diff?against=${against}`);
    expect(await read(response, ErrorAnswer, 404)).toMatchObject({ error: `workflow run not found: ${against}` });
  }
});

test("chiron diff prints both sides and exits 1, and 0 for equal ones", async () => {
  const one = await recorded(COURSE);
  const other = await recorded({ ...COURSE, steps: { load: { items: [1, "\u001b[31m"] } }, failure: "empty" });
  const ran = await runCli(["diff", one.task_id, other.task_id], (path) => api.get(path));
  expect(ran).toMatchObject({ exit: 1, stderr: "" });
  expect(ran.stdout).toContain("first difference: the results of step load differ at $.items[1]");
  expect(ran.stdout).toMatch(/^~ +load +step +5ms +5ms +\$\.items\[1\]$/m);
  expect(ran.stdout).toMatch(/^- +send .* only in A, at order\.py:3$/m);
  expect(ran.stdout).toContain("B ValueError: empty");
  expect(ran.stdout).not.toContain("\u001b[31m");
  const same = await runCli(["diff", one.task_id, one.task_id, "--json"], (path) => api.get(path));
  expect(same.exit).toBe(0);
  expect(JSON.parse(same.stdout)).toMatchObject({ equal: true });
});
