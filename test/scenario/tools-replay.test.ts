// A kill -9 between a tool's answer and its checkpoint: the call is made again under the same key, and one with a checkpoint never again.
import http from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeProject, startChiron, type Project } from "../support/chiron-process.ts";

const WORKFLOW = `WORKFLOW_NAME = "order"


async def handler(inp, ctx):
    first = await ctx.step("first", lambda: ctx.tools.shop.reserve(item="a"))
    second = await ctx.step("second", lambda: ctx.tools.shop.charge(item="a"))
    return [first, second]
`;

let project: Project;
let service: http.Server;
const asked: { readonly url: string; readonly key: string }[] = [];

beforeAll(async () => {
  project = makeProject({ "workflows/order.py": WORKFLOW });
  service = http.createServer((request, response) => {
    asked.push({ url: request.url!, key: String(request.headers["idempotency-key"]) });
    response.end(JSON.stringify(asked.length));
  });
  await new Promise<void>((resolve) => service.listen(0, "127.0.0.1", resolve));
});
afterAll(async () => {
  service.closeAllConnections();
  await new Promise((resolve) => service.close(resolve));
  project.remove();
});

test("the call whose answer was lost is made again under its key, the recorded one is not", async () => {
  const env = { WORKFLOW_TOOL_API_URL: `http://127.0.0.1:${(service.address() as AddressInfo).port}` };
  const doomed = await startChiron(project, { ...env, CHIRON_FAULT_POINT: "progress.checkpoint:before:2" });
  const { body } = await doomed.post("/api/workflows/runs", { workflow_name: "order", max_attempts: 3 });
  expect(await doomed.exited).toBe("SIGKILL");
  const server = await startChiron(project, env);
  try {
    const run = await server.finished(body.task_id);
    expect(run.result.output).toEqual([1, 3]);
    const key = (ordinal: string): string => `absurd-workflow-tool:${body.task_id}:${ordinal}`;
    expect(asked).toEqual([
      { url: "/tools/shop/reserve", key: key("first/1") },
      { url: "/tools/shop/charge", key: key("second/1") },
      { url: "/tools/shop/charge", key: key("second/1") },
    ]);
    const { effects } = (await server.get(`/api/outbox?task_id=${body.task_id}`)).body;
    expect(effects.map((one: { key: string }) => one.key)).toEqual([key("second/1"), key("second/1"), key("first/1")]);
  } finally {
    await server.kill("SIGTERM");
  }
});
