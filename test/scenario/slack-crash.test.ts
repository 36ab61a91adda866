// A crash between an effect and its checkpoint repeats the effect with the same key, and the outbox shows both attempts; an effect whose
// checkpoint is written is never repeated.
import { afterEach, beforeEach, expect, test } from "vitest";
import { makeProject, startChiron, type Chiron, type Project } from "../support/chiron-process.ts";
import { startSlack, type SlackServer } from "../support/slack-server.ts";

const POST = `
WORKFLOW_NAME = "post"

async def handler(inp, ctx):
    return await ctx.step("post", lambda: ctx.post_to_slack("C1", "hello"))
`;

let project: Project;
let slack: SlackServer;
let servers: Chiron[] = [];

beforeEach(async () => {
  project = makeProject({ "workflows/post.py": POST });
  slack = await startSlack();
});
afterEach(async () => {
  for (const server of servers) await server.kill();
  servers = [];
  await slack.close();
  project.remove();
});

async function start(env: Record<string, string> = {}): Promise<Chiron> {
  const token = { SLACK_BOT_TOKEN: "xoxb-secret", SLACK_API_URL: slack.url };
  const server = await startChiron(project, { ...token, ...env }, ["--slack", "live"]);
  servers.push(server);
  return server;
}

test.each<[string, number, string[]]>([
  ["effects.begin:after:1", 1, ["failed", "done"]],
  ["effects.finish:before:1", 2, ["failed", "done"]],
  ["effects.finish:after:1", 2, ["done", "done"]],
  ["progress.checkpoint:before:1", 2, ["done", "done"]],
  ["progress.checkpoint:after:1", 1, ["done"]],
])("killed at %s, Slack hears of the message %i times and the outbox tells %j", async (point, times, states) => {
  const doomed = await start({ CHIRON_FAULT_POINT: point });
  const body = { workflow_name: "post", idempotency_key: "once", input: {} };
  await doomed.post("/api/workflows/runs", body).catch(() => null);
  expect(await doomed.exited).toBe("SIGKILL");

  const server = await start();
  const { task_id } = (await server.post("/api/workflows/runs", body)).body;
  const run = await server.finished(task_id);
  expect(run.result.output).toMatchObject({ channel: "C1" });
  expect(slack.requests.map((request) => request.method)).toEqual(Array(times).fill("chat.postMessage"));
  const ids = new Set(slack.requests.map((request) => request.body.client_msg_id));
  expect([...ids]).toEqual([`${task_id}:slack:post/1`]);
  const { effects } = (await server.get(`/api/outbox?run_id=${task_id}`)).body;
  expect(effects.map((effect: { state: string }) => effect.state)).toEqual(states.toReversed());
  for (const { key, nature } of effects) expect({ key, nature }).toEqual({ key: [...ids][0], nature: "real" });
  if (states[0] === "failed") expect(effects.at(-1).error).toContain("the process that made the call ended first");
});
