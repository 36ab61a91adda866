// Traces of the real program at a collector of the test's own: what hangs under what, and that a collector which is gone changes nothing.
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeProject, runChiron, startChiron, type Chiron, type Project } from "../support/chiron-process.ts";
import { startCollector, type CollectedSpan, type Collector } from "../support/trace-collector.ts";

const WORKFLOWS = {
  "workflows/kid.py": `WORKFLOW_NAME = "kid"


async def handler(inp, ctx):
    return await ctx.step("grow", lambda: 1)
`,
  "workflows/family.py": `WORKFLOW_NAME = "family"


async def handler(inp, ctx):
    await ctx.step("first", lambda: 1)
    await ctx.sleep("nap", 0.1)
    return await ctx.run_workflow("kid", {})
`,
  "workflows/posts.py": `WORKFLOW_NAME = "posts"


async def handler(inp, ctx):
    return await ctx.post_to_slack("#night", "done")
`,
  "workflows/breaks.py": `WORKFLOW_NAME = "breaks"


async def handler(inp, ctx):
    raise ValueError("broken on purpose")
`,
};

const JSON_NOW = { OTEL_EXPORTER_OTLP_PROTOCOL: "http/json", OTEL_BSP_SCHEDULE_DELAY: "20" };

let project: Project;
let collector: Collector;
let server: Chiron;

beforeAll(async () => {
  project = makeProject(WORKFLOWS);
  collector = await startCollector();
  server = await startChiron(
    project,
    {
      ...JSON_NOW,
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_EXPORTER_OTLP_HEADERS: "x-team=night%20shift",
      OTEL_RESOURCE_ATTRIBUTES: "service.name=orders,team=night",
    },
    ["--store", "sqlite"],
    "serve",
  );
});

afterAll(async () => {
  await server.kill("SIGTERM");
  await collector.close();
  project.remove();
});

const traceOf = (taskId: string): string => taskId.replaceAll("-", "");
const runOf =
  (taskId: string, outcome?: string) =>
  ({ name, attributes }: CollectedSpan): boolean =>
    name.startsWith("run ") &&
    attributes["chiron.task_id"] === taskId &&
    (outcome === undefined || attributes["chiron.outcome"] === outcome);

async function start(workflow: string, headers: Record<string, string> = {}, at = server): Promise<string> {
  const response = await fetch(`${at.url}/api/workflows/runs`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify({ workflow_name: workflow, input: {}, max_attempts: 1 }),
  });
  const { task_id: taskId } = (await response.json()) as { task_id: string };
  return taskId;
}

test("a request, the runs it starts, their steps and sleeps are one trace, and a child links to its parent", async () => {
  const taskId = await start("family");
  const last = await collector.span(runOf(taskId, "completed"));
  const all = collector.spans.filter((span) => span.traceId === traceOf(taskId));

  const request = all.find((span) => span.name === "POST /api/workflows/runs")!;
  expect(request.parentSpanId).toBeFalsy();
  expect(request.attributes).toMatchObject({ "http.response.status_code": 200, "chiron.task_id": taskId });
  expect(request.resource).toMatchObject({ "service.name": "orders", team: "night" });

  const runs = all.filter(runOf(taskId));
  expect(runs.length).toBeGreaterThan(1);
  for (const run of runs) expect(run.parentSpanId).toBe(request.spanId);
  expect(runs[0]!.attributes).toMatchObject({
    "chiron.workflow": "family",
    "chiron.attempt": 1,
    "chiron.queue": last.attributes["chiron.queue"],
    "chiron.outcome": "sleeping",
  });
  expect(runs[0]!.attributes["chiron.delay_ms"]).toBeGreaterThanOrEqual(0);
  expect(runs[0]!.events).toContain("sleeping");
  expect(runs[1]!.links.map((link) => link.spanId)).toContain(runs[0]!.spanId);

  const step = all.find((span) => span.name === "step first")!;
  expect(step.parentSpanId).toBe(runs[0]!.spanId);

  const child = await collector.span((span) => span.name === "run kid");
  expect(child.traceId).toBe(traceOf(String(child.attributes["chiron.task_id"])));
  const parent = all.find((span) => span.events.includes("child started"))!;
  expect(child.links).toEqual([expect.objectContaining({ traceId: parent.traceId, spanId: parent.spanId })]);
});

test("a caller's traceparent is continued", async () => {
  const [traceId, spanId] = ["0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"];
  const taskId = await start("kid", { traceparent: `00-${traceId}-${spanId}-01` });
  const run = await collector.span(runOf(taskId));
  const request = await collector.span((span) => span.spanId === run.parentSpanId);
  expect([run.traceId, request.traceId, request.parentSpanId]).toEqual([traceId, traceId, spanId]);
});

test("a caller that is not sampled makes no spans", async () => {
  const traceId = "1bf7651916cd43dd8448eb211c80319c";
  const unseen = await start("kid", { traceparent: `00-${traceId}-b7ad6b7169203331-00` });
  await server.finished(unseen);
  await collector.span(runOf(await start("kid")));
  expect(collector.spans.filter((span) => span.traceId === traceId)).toEqual([]);
});

test("a failed run is an error with its exception", async () => {
  const run = await collector.span(runOf(await start("breaks"), "failed"));
  expect(run.status).toEqual({ code: 2, message: "ValueError: broken on purpose" });
  expect(run.events).toContain("exception");
});

test("a call to the outside is a span of the run that made it", async () => {
  const run = await collector.span(runOf(await start("posts"), "completed"));
  const call = await collector.span((span) => span.name === "call ctx.post_to_slack");
  expect(call.parentSpanId).toBe(run.spanId);
  expect(call.attributes).toMatchObject({ "chiron.call": "ctx.post_to_slack", "chiron.target": "#night" });
});

test("probes are not traced, and the headers of the environment are sent", async () => {
  await server.get("/healthz");
  await collector.span(runOf(await start("kid")));
  expect(collector.spans.filter((span) => span.name.includes("health"))).toEqual([]);
  expect(collector.requests[0]).toMatchObject({ "x-team": "night shift" });
});

test("a stop sends what is gathered, as protobuf when nothing else is asked for", async () => {
  const own = await startCollector();
  const folder = makeProject(WORKFLOWS);
  const dev = await startChiron(folder, { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${own.url}/custom/path` });
  await dev.finished(await start("kid", {}, dev));
  expect(own.requests).toHaveLength(0);
  expect(await dev.kill("SIGTERM")).toBe(0);
  expect(own.requests[0]).toMatchObject({ "content-type": "application/x-protobuf" });
  await own.close();
  folder.remove();
});

test.for(["refuses", "hangs"])("a collector that %s neither slows a run nor holds a stop", async (how) => {
  const own = await startCollector(() => new Promise<number>(() => undefined));
  if (how === "refuses") await own.close();
  const folder = makeProject(WORKFLOWS);
  const dev = await startChiron(folder, { ...JSON_NOW, OTEL_EXPORTER_OTLP_ENDPOINT: own.url });
  for (let n = 0; n < 20; n += 1) await start("kid", {}, dev);
  expect(await dev.finished(await start("kid", {}, dev))).toMatchObject({ status: "completed" });
  const asked = performance.now();
  expect(await dev.kill("SIGTERM")).toBe(0);
  expect(performance.now() - asked).toBeLessThan(6_000);
  if (how === "hangs") await own.close();
  folder.remove();
});

test("an endpoint that is no address is refused at the start, by its name", async () => {
  const folder = makeProject(WORKFLOWS);
  const { code, stderr } = await runChiron(folder.dir, ["dev"], { OTEL_EXPORTER_OTLP_ENDPOINT: "collector:4318" });
  expect(code).not.toBe(0);
  expect(stderr).toContain("OTEL_EXPORTER_OTLP_ENDPOINT is not an http or https address: collector:4318");
  folder.remove();
});
