// Real answers recorded by one runtime and played by another one, with the services gone.
import fs from "node:fs";
import http from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ended } from "../fault/observe.ts";
import { makeProject, runChiron, startChiron, type Chiron, type Project } from "../support/chiron-process.ts";

const WORKFLOW = `import json
import os
import urllib.request

WORKFLOW_NAME = "gather"


def fetch(path):
    request = urllib.request.Request(os.environ["SERVICE_URL"] + path, headers={"Authorization": os.environ["SERVICE_TOKEN"]})
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


async def handler(inp, ctx):
    found = await ctx.tools.github.search(query=inp.get("query", "bugs"), task=ctx.task_id)
    again = await ctx.step("again", lambda: ctx.tools.github.search(query=inp.get("query", "bugs"), task=ctx.task_id))
    return {"found": found, "again": again, "fetched": await ctx.step("fetch", lambda: fetch("/rates"))}
`;

const TOKEN = "token-abcdefgh-1234";
let project: Project;
let service: http.Server;
let asked: string[] = [];
let env: Record<string, string> = {};

beforeAll(async () => {
  project = makeProject({ "workflows/gather.py": WORKFLOW });
  service = http.createServer((request, response) => {
    asked.push(request.url!);
    const told = { asked: asked.length, you_said: request.headers.authorization ?? null };
    response.setHeader("content-type", "application/json").end(JSON.stringify(told));
  });
  await new Promise<void>((resolve) => service.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(service.address() as AddressInfo).port}`;
  env = { WORKFLOW_TOOL_API_URL: url, SERVICE_URL: url, SERVICE_TOKEN: TOKEN };
});
afterAll(() => project.remove());

let server: Chiron | null = null;
async function withServer<T>(args: readonly string[], body: (running: Chiron) => Promise<T>): Promise<T> {
  server = await startChiron(project, env, args);
  try {
    return await body(server);
  } finally {
    await server.kill("SIGTERM");
  }
}

const natures = async (running: Chiron, taskId: string): Promise<string[]> => {
  const { effects } = (await running.get(`/api/outbox?task_id=${taskId}`)).body;
  return effects.map(({ nature }: { nature: string }) => nature);
};

let recorded: unknown;

test("--record asks once and keeps what came back, without the secret", async () => {
  await withServer(["--record", "recordings"], async (running) => {
    const first = await ended(running, "gather");
    expect(first.failure).toBeNull();
    recorded = first.result.output;
    expect(recorded).toMatchObject({
      found: { asked: 1 },
      again: { asked: 2 },
      fetched: { asked: 3, you_said: TOKEN },
    });
    expect(await natures(running, first.task_id)).toEqual(["real", "real"]);
    const second = await ended(running, "gather");
    expect(second.result.output).toMatchObject({ found: { asked: 1 }, again: { asked: 2 }, fetched: { asked: 3 } });
    expect(await natures(running, second.task_id)).toEqual(["recorded", "recorded"]);
  });
  expect(asked).toHaveLength(3);
  const folder = path.join(project.dir, "recordings");
  expect(fs.readdirSync(folder).toSorted()).toEqual(["effects.jsonl", "http.jsonl"]);
  const kept = fs.readdirSync(folder).map((name) => fs.readFileSync(path.join(folder, name), "utf8"));
  expect(kept.map((text) => text.trim().split("\n").length)).toEqual([2, 1]);
  expect(kept.join("")).not.toContain(TOKEN);
  expect(kept.join("")).toContain("[secret SERVICE_TOKEN]");
});

test("--replay gives it again when nobody answers any more, and names what it does not have", async () => {
  service.closeAllConnections();
  await new Promise((resolve) => service.close(resolve));
  await withServer(["--replay", "recordings"], async (running) => {
    const run = await ended(running, "gather");
    expect(run.result.output).toMatchObject({ found: { asked: 1 }, again: { asked: 2 }, fetched: { asked: 3 } });
    const missing = await ended(running, "gather", { query: "other" }, { max_attempts: 1 });
    expect(missing.failure.message).toMatch(/^tool github\.search with .*"query":"other".* is not recorded \(call 1\)/);
    expect(missing.failure.message).toContain("Record it with: chiron dev --record");
  });
  expect(asked).toHaveLength(3);
});

test("chiron.toml names a recording too", async () => {
  project.write("chiron.toml", '[effects]\nrecordings = "recordings"\nrecordings_mode = "none"\n');
  await withServer([], async (running) => {
    expect((await ended(running, "gather")).status).toBe("completed");
  });
});

test("--record and --replay exclude each other", async () => {
  const refused = await runChiron(project.dir, ["dev", "--record", "a", "--replay", "b"]);
  expect(refused.code).toBe(2);
  expect(refused.stderr).toContain("--record and --replay were both given");
});
