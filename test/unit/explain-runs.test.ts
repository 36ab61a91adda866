// Why runs wait and how they ended, over the API on a real store.
import { afterEach, beforeEach, expect, test } from "vitest";
import { EMPTY_CATALOG } from "../../src/catalog/catalog.ts";
import { pythonEventName } from "../../src/core/keys.ts";
import { DEFAULT_CONCURRENCY } from "../../src/core/queues.ts";
import { ExplainAnswer } from "../../src/http/explain.ts";
import type { WaitRequest } from "../../src/ports/store-types.ts";
import { runCli } from "./cli-fixture.ts";
import { asJson, asTask, claim, fixedCatalog, openApi, read, start, type Api, type Overrides } from "./http-fixture.ts";

let api: Api;
const open = async (overrides: Overrides = {}) => {
  await api?.close();
  api = await openApi(overrides);
};
beforeEach(() => open());
afterEach(async () => {
  await api.close();
  api = undefined as never;
});

const limits = {
  allows: () => true,
  concurrency: { ...DEFAULT_CONCURRENCY, centaur_workflows: 1 },
  leaseMs: 120_000,
  renewMs: 30_000,
};

const explained = async (id: string) => {
  const answer = await read(await api.get(`/api/workflows/runs/${id}/explain`), ExplainAnswer);
  return { ...answer, kinds: answer.findings.map(({ kind }) => kind) };
};

async function waitingFor(wait: WaitRequest): Promise<string> {
  const { task_id } = await start(api);
  await api.store.progress.suspend([{ ...(await claim(api)), waits: [wait] }]);
  return task_id;
}

const forEvent = (type: string, id: string): WaitRequest => ({
  step: "paid",
  kind: "event",
  target: pythonEventName(type, id),
  delayMs: null,
});

test("an event that was emitted under almost the key is told, the likeliest first", async () => {
  const id = await waitingFor(forEvent("order.paid", "A-42"));
  const emit = (name: string) => api.store.events.emit([{ name, payload: asJson("1") }]);
  await emit(pythonEventName("order.paid", "A-99"));
  await emit(pythonEventName("order.payed", "A-42"));
  await emit(pythonEventName("order.paid", "a42"));
  await emit(pythonEventName("customer.left", "A-42"));
  const { kinds, findings, summary, next } = await explained(id);
  expect(kinds.filter((kind) => kind === "near_event")).toHaveLength(3);
  expect(summary).toBe('step paid waits for event order.paid of "A-42", for as long as it takes');
  const near = findings.filter(({ kind }) => kind === "near_event").map(({ message }) => message);
  expect(near.slice(0, 2).toSorted()).toEqual([
    expect.stringMatching(/^event order\.paid of "a42" .*: almost the same correlation id$/),
    expect.stringMatching(/^event order\.payed of "A-42" .*: almost the same type$/),
  ]);
  expect(near[2]).toMatch(/"A-99" .*: another correlation id$/);
  expect(next[0]!.command).toBe(`chiron events emit 'python:["order.paid","A-42"]' --payload '{}'`);
});

test("the bare name of an event is told from the one with a correlation id", async () => {
  const id = await waitingFor(forEvent("order.paid", "7"));
  await api.store.events.emit([{ name: "order.paid", payload: asJson("1") }]);
  const { findings } = await explained(id);
  expect(findings[1]!.message).toMatch(/^event order\.paid was emitted .*by its bare name/);
});

test("a child that failed is told with its reason", async () => {
  const child = await start(api);
  const run = await claim(api);
  const parent = await start(api);
  const waiter = await claim(api);
  const wait: WaitRequest = { step: "child", kind: "task", target: child.task_id, delayMs: null };
  await api.store.progress.suspend([{ ...waiter, waits: [wait] }]);
  expect((await explained(parent.task_id)).findings[0]).toMatchObject({
    kind: "child",
    message: `step child waits for task ${child.task_id} (order), which is running, for as long as it takes`,
  });
  const failure = { name: "ValueError", message: "empty" };
  await api.store.progress.fail([{ ...run, failure, retryDelayMs: null }]);
  expect((await explained(child.task_id)).summary).toMatch(
    /^it failed .*before any step was recorded: ValueError: empty/,
  );
  expect(asTask(parent.task_id)).toBe(parent.task_id);
});

test("a full queue names who holds its places, and how many are before", async () => {
  await open({ limits });
  const holder = await start(api);
  await claim(api);
  await start(api);
  const last = await start(api);
  const { findings, kinds } = await explained(last.task_id);
  expect(kinds).toEqual(["queue_full", "queue_position"]);
  expect(findings[0]!.message).toContain(
    `all 1 places of queue centaur_workflows are taken: by order ${holder.task_id}`,
  );
  expect(findings[1]!.message).toBe("1 due run is before it in queue centaur_workflows");
});

test("a back-off is told with the failure it is for", async () => {
  const { task_id } = await start(api);
  const failure = { name: "TimeoutError", message: "slow" };
  await api.store.progress.fail([{ ...(await claim(api)), failure, retryDelayMs: 60_000 }]);
  const { findings, kinds } = await explained(task_id);
  expect(kinds).toEqual(["backoff"]);
  expect(findings[0]!.message).toMatch(/^attempt 2 of 5 is held back until .*attempt 1 failed: TimeoutError: slow$/);
});

test("a workflow that is not loaded is told with the problem, one that is not allowed with the variable", async () => {
  const problem = { path: "/w/order.py", line: 3, kind: "syntax", message: "bad", severity: "error" as const };
  await open({
    catalog: fixedCatalog({ ...EMPTY_CATALOG, loadedAt: 1, problems: [problem] }),
    limits: { ...limits, allows: () => false },
  });
  const { task_id } = await start(api);
  const { findings, kinds } = await explained(task_id);
  expect(kinds).toEqual(["due", "not_allowed", "not_loaded"]);
  expect(findings[2]!.message).toBe("its workflow order is not loaded: /w/order.py:3: bad");
});

test("a claim whose holder has missed its renewals is told with the end of its lease", async () => {
  await open({ limits });
  const { task_id } = await start(api);
  const [[run]] = (await api.store.claims.claim([
    { queue: "centaur_workflows", limit: 1, leaseMs: 20_000, owner: "77-dead" },
  ])) as never as [[{ runId: string }]];
  expect(run.runId).toBeTruthy();
  const { findings, kinds } = await explained(task_id);
  expect(kinds).toEqual(["dead_holder"]);
  expect(findings[0]!.message).toMatch(/^77-dead.* claimed it and has given no sign of life lately; its lease ends /);
});

test("without a process that works on the store, that is said", async () => {
  await open({ info: { version: "1", mode: "local" } });
  const { task_id } = await start(api);
  expect((await explained(task_id)).kinds).toEqual(["due", "nobody_works"]);
});

test("a crash is told in words, with a retry as what can be done", async () => {
  const { task_id } = await start(api);
  const failure = { name: "$Crash", message: "gone", crash: "oom" };
  await api.store.progress.fail([{ ...(await claim(api)), failure, retryDelayMs: null }]);
  const { findings, next } = await explained(task_id);
  expect(findings[1]).toMatchObject({ kind: "crashed", message: expect.stringContaining("want of memory") as string });
  expect(next[0]!.command).toBe(`chiron runs retry ${task_id}`);
});

test("chiron runs explain prints the reasons and what can be done", async () => {
  const id = await waitingFor(forEvent("order.paid", "A\u001b[31m"));
  const ran = await runCli(["runs", "explain", id], (path) => api.get(path));
  expect(ran).toMatchObject({ exit: 0, stderr: "" });
  expect(ran.stdout).toContain("· step paid waits for event order.paid");
  expect(ran.stdout).toContain("$ chiron runs cancel");
  expect(ran.stdout).not.toContain("\u001b[31m");
});
