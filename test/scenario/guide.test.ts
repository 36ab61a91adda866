// The migration guide, word for word: its file, its discovery check and its curl command, on a server that asks for a key.
import { spawnSync } from "node:child_process";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeProject, startChiron, type Chiron, type Project } from "../support/chiron-process.ts";

const HOST = fileURLToPath(new URL("../../adapters/python/workflow-host", import.meta.url));
const KEY = "guide-key-4711";

const NIGHTLY_REPORT = `from dataclasses import dataclass
from typing import Any
 
from api.workflow_engine import WorkflowContext
 
 
WORKFLOW_NAME = "nightly_report"
 
 
@dataclass
class Input:
    topic: str
 
 
async def handler(inp: Input, ctx: WorkflowContext) -> dict[str, Any]:
    facts = await ctx.step("collect", lambda: {"topic": inp.topic})
    result = await ctx.agent_turn(f"Summarize {facts['topic']}")
    return {"result": result}
`;

let project: Project;
let server: Chiron;

beforeAll(async () => {
  project = makeProject({ "workflows/nightly_report.py": NIGHTLY_REPORT });
  server = await startChiron(project, { CENTAUR_API_KEY: KEY });
});

afterAll(async () => {
  await server.kill("SIGTERM");
  project.remove();
});

function bash(script: string, env: Record<string, string> = {}): { status: number | null; out: string; err: string } {
  const run = spawnSync("bash", ["-c", script], { encoding: "utf8", env: { ...process.env, ...env } });
  return { status: run.status, out: run.stdout, err: run.stderr };
}

const hasCurl = bash("command -v curl").status === 0;

/** The guide's "create a real run": by curl where there is one, else the same request. */
async function createRun(key: string): Promise<Record<string, unknown>> {
  const body = '{\n    "workflow_name": "nightly_report",\n    "input": {"topic": "open incidents"}\n  }';
  if (!hasCurl) {
    const headers = { "Content-Type": "application/json", "X-Api-Key": key };
    return (await fetch(`${server.url}/api/workflows/runs`, { method: "POST", headers, body })).json() as never;
  }
  const script = `curl -s "$CENTAUR_API_URL/api/workflows/runs" \\
  -H "Content-Type: application/json" \\
  -H "X-Api-Key: $CENTAUR_API_KEY" \\
  -d '${body}'`;
  const { status, out, err } = bash(script, { CENTAUR_API_URL: server.url, CENTAUR_API_KEY: key });
  expect(status, err).toBe(0);
  return JSON.parse(out);
}

interface Shown {
  readonly status: string;
  readonly result: { readonly output: unknown; readonly workflow_name: string; readonly steps: unknown };
}

async function finished(runId: unknown): Promise<Shown> {
  for (;;) {
    const answer = await fetch(`${server.url}/api/workflows/runs/${String(runId)}`, { headers: { "X-Api-Key": KEY } });
    expect(answer.status).toBe(200);
    const { run } = (await answer.json()) as { run: Shown };
    if (run.status === "completed" || run.status === "failed") return run;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

// Conformance 2, 110
test("the guide's verification command lists the guide's workflow", () => {
  const { status, out, err } = bash(
    `WORKFLOW_DIRS=${project.workflows} python3 ${path.relative(process.cwd(), HOST)} <<'EOF'\n{"type":"discover"}\nEOF`,
  );
  expect(status, err).toBe(0);
  const lines = out.trim().split("\n");
  expect(lines).toHaveLength(1);
  const discovery = JSON.parse(lines[0]!);
  expect(discovery.type).toBe("workflow.discovery");
  expect(discovery.workflows).toMatchObject([{ workflow_name: "nightly_report" }]);
});

// Conformance 39, 59, 66
test("the guide's run, created by the guide's command, completes with the handler's value at result.output", async () => {
  const created = await createRun(KEY);
  expect(created).toMatchObject({ ok: true, status: "queued", created: true });
  const run = await finished(created["run_id"]);
  expect(run.status).toBe("completed");
  expect(run.result).toMatchObject({ workflow_name: "nightly_report", run_id: created["run_id"] });
  const { result } = run.result.output as { result: Record<string, unknown> };
  expect(result["status"]).toBe("completed");
  expect(result["result_text"]).toContain("Summarize open incidents");
});

// Conformance 66
test("the guide's command with another key is refused in the error envelope", async () => {
  expect(await createRun("not-the-key")).toMatchObject({ ok: false, error: expect.any(String) });
});

test("the guide's command with no key set is refused in the error envelope", async () => {
  expect(await createRun("")).toMatchObject({ ok: false, error: expect.any(String) });
});
