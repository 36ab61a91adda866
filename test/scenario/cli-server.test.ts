// The command line beside a running `chiron dev`: real processes on both sides.
import { once } from "node:events";
import fs from "node:fs";
import path from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Project, type Dev } from "./cli-process.ts";

const WAITS = `
WORKFLOW_NAME = "waits"

async def handler(inp, ctx):
    ctx.log("before")
    order = await ctx.wait_for_event("confirmed", "order.confirmed", inp["id"])
    ctx.log("after")
    return {"order": order}
`;

let project: Project;
let dev: Dev;
beforeAll(async () => {
  project = new Project();
  project.write("waits.py", WAITS);
  dev = await project.dev();
});
afterAll(() => project.remove());

interface Line {
  readonly event: string;
  readonly data?: { readonly status?: string };
}

/** Starts a run with --follow and answers its lines as they come. */
function follow(id: string) {
  const started = project.start(["run", "waits", "--input", JSON.stringify({ id }), "--follow", "--json"]);
  const lines = createInterface({ input: started.process.stdout! });
  const seen: Line[] = [];
  // The run may have gone to sleep before the stream of its events stood: then its first state says so.
  const sleeping = async (): Promise<void> => {
    const isAsleep = ({ event, data }: Line): boolean => event === "run.sleeping" || data?.status === "sleeping";
    while (!seen.some(isAsleep)) await once(lines, "line");
  };
  lines.on("line", (line) => seen.push(JSON.parse(line) as Line));
  return { started, sleeping };
}

test("an event from another command wakes a run that is followed", async () => {
  const { started, sleeping } = follow("1");
  await sleeping();
  const emit = ["events", "emit", "--type", "order.confirmed", "--id", "1", "--payload", '{"total": 12}'];
  const emitted = await project.run(emit);
  expect(emitted.stdout).toContain("1 run woken");
  const { exit, stdout } = await started.finished;
  expect(exit).toBe(0);
  const end = JSON.parse(stdout.trimEnd().split("\n").at(-1)!) as { output: unknown };
  expect(end.output).toEqual({ order: { total: 12 } });
  const again = await project.run(emit);
  expect(again.stdout).toContain("the first payload stands");
});

test("Ctrl-C ends the waiting, not the run", async () => {
  const { started, sleeping } = follow("2");
  await sleeping();
  started.process.kill("SIGINT");
  expect(await started.finished).toMatchObject({ exit: 130 });
  const { runs } = JSON.parse((await project.run(["runs", "list", "--json", "--status", "sleeping"])).stdout) as {
    runs: { run_id: string }[];
  };
  expect(runs).toHaveLength(1);
  const page = await project.run(["runs", "show", runs[0]!.run_id]);
  expect(page.stdout).toContain("event order.confirmed of 2");
});

test("tail shows the log from its beginning and ends with the run", async () => {
  const { runs } = JSON.parse((await project.run(["runs", "list", "--json", "--status", "sleeping"])).stdout) as {
    runs: { run_id: string }[];
  };
  const tail = project.start(["runs", "tail", runs[0]!.run_id]);
  const lines = createInterface({ input: tail.process.stdout! });
  await once(lines, "line");
  expect(await project.run(["runs", "cancel", runs[0]!.run_id.slice(-12)])).toMatchObject({ exit: 0 });
  const { exit, stdout } = await tail.finished;
  expect(exit).toBe(3);
  expect(stdout).toMatch(/│ before\n[\s\S]*■ cancelled/);
});

test("a backup beside the server is whole", async () => {
  const target = path.join(project.root, "live.db");
  expect(await project.run(["db", "backup", target])).toMatchObject({ exit: 0 });
  const { tasks } = JSON.parse((await project.run(["db", "status", "--json", "--db", target])).stdout) as {
    tasks: Record<string, number>;
  };
  expect(tasks).toMatchObject({ completed: 1, cancelled: 1 });
  const { owner_pid } = JSON.parse((await project.run(["db", "status", "--json"])).stdout) as { owner_pid: number };
  expect(owner_pid).toBeGreaterThan(0);
});

test("keys are refused while the server has the store, with what to do instead", async () => {
  const { exit, stderr } = await project.run(["keys", "create", "--name", "x"]);
  expect(exit).toBe(8);
  expect(stderr).toContain("Keys are changed while no server runs");
});

test("reload answers with what the folders declare now", async () => {
  project.write("second.py", WAITS.replace('"waits"', '"second"'));
  const { exit, stdout } = await project.run(["reload", "--json"]);
  expect(exit).toBe(0);
  const { workflows } = JSON.parse(stdout) as { workflows: { workflow_name: string }[] };
  expect(workflows.map((workflow) => workflow.workflow_name)).toEqual(["second", "waits"]);
  project.write("bad.py", "WORKFLOW_NAME = \n");
  expect(await project.run(["reload"])).toMatchObject({ exit: 3 });
  fs.rmSync(path.join(project.root, "workflows/bad.py"));
});

test("doctor knows the server, and the server stops in order", async () => {
  const { stdout } = await project.run(["doctor", "--json"]);
  const { checks } = JSON.parse(stdout) as { checks: { name: string; status: string; message: string }[] };
  const server = checks.find((check) => check.name === "server")!;
  expect(server).toMatchObject({ status: "ok" });
  expect(server.message).toContain(dev.url);
  expect(await dev.stop()).toMatchObject({ exit: 0 });
  expect((await project.run(["runs", "list"])).exit).toBe(0);
});
