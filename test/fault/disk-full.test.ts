// A disk that is full: nothing is lost, nothing is told that is not on disk, and work goes on by itself when there is room.
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeProject, startChiron, type Chiron, type Project } from "../support/chiron-process.ts";
import { create, figure, ledger, release, shown, until, LEDGER_MODULE, withLedger } from "./observe.ts";

/** A small disk of its own. Only root may make one. */
function mountSmallDisk(): string | null {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return null;
  const disk = fs.mkdtempSync(path.join(os.tmpdir(), "chiron-disk-"));
  if (spawnSync("mount", ["-t", "tmpfs", "-o", "size=8m", "chiron-test", disk]).status === 0) return disk;
  fs.rmdirSync(disk);
  return null;
}

const WORKFLOW = `import asyncio
import os

from workflows.ledger import note

WORKFLOW_NAME = "writes"


async def handler(inp, ctx):
    first = await ctx.step("first", lambda: note("first"))
    while not os.path.exists(os.path.join(os.environ["LEDGERS"], "go on")):
        await asyncio.sleep(0.01)
    second = await ctx.step("second", lambda: note("second"))
    return [first, second, await ctx.step("third", lambda: note("third"))]
`;

const disk = mountSmallDisk();
let project: Project;
let server: Chiron;

beforeAll(async () => {
  project = makeProject({ "workflows/ledger.py": LEDGER_MODULE, "workflows/writes.py": WORKFLOW });
  if (disk) server = await startChiron(project, withLedger(project), ["--db", path.join(disk, "store", "chiron.db")]);
});

afterAll(async () => {
  if (disk) {
    await server.kill("SIGTERM");
    spawnSync("umount", [disk]);
    fs.rmdirSync(disk);
  }
  project.remove();
});

/** Fills the disk to the last page. */
function fill(): void {
  const file = fs.openSync(path.join(disk!, "filler"), "a");
  try {
    for (const chunk of [65_536, 4_096, 512, 1]) {
      const bytes = Buffer.alloc(chunk, 1);
      try {
        for (;;) fs.writeSync(file, bytes);
      } catch (error) {
        expect((error as NodeJS.ErrnoException).code).toBe("ENOSPC");
      }
    }
  } finally {
    fs.closeSync(file);
  }
}

const request = { workflow_name: "writes", idempotency_key: "refused" };

test.skipIf(disk === null)(
  "a full disk holds runs up and is said, and they go on when there is room (needs root: it mounts a tmpfs of 8 MB)",
  async () => {
    const run = await create(server, "writes");
    await until("the first step is done", () => ledger(project).includes("first"));
    await until("it is recorded", async () => {
      const { body } = await server.get(`/api/workflows/runs/${run.task_id}/checkpoints`);
      return body.checkpoints.length === 1;
    });
    fill();
    release(project, "go on");
    await until("the second step has run", () => ledger(project).includes("second"));

    // What cannot be kept is refused, by name and with when to come again.
    const refused = await fetch(`${server.url}/api/workflows/runs`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(request),
    });
    expect(refused.status).toBe(503);
    expect(refused.headers.get("retry-after")).not.toBeNull();
    expect(await refused.json()).toMatchObject({ ok: false, code: "store_full", hint: expect.any(String) });
    const ready = await server.get("/readyz");
    expect(ready).toMatchObject({ status: 503, body: { reasons: [expect.stringContaining("store_full")] } });
    expect((await server.get("/healthz")).status).toBe(200);

    // What is there can be read, and the run waits with its second step.
    expect(await shown(server, run.task_id)).toMatchObject({ status: "running", attempts: 1, failure: null });
    expect(await figure(server, "workflow_active_runs")).toBe(1);
    expect(ledger(project)).toEqual(["first", "second"]);

    fs.rmSync(path.join(disk!, "filler"));
    const end = await server.finished(run.task_id);
    expect(end).toMatchObject({ status: "completed", attempts: 1, result: { output: ["first", "second", "third"] } });
    expect(ledger(project)).toEqual(["first", "second", "third"]);
    await until("it is ready again", async () => (await server.get("/readyz")).status === 200);
    // What was refused did not happen: the same key creates.
    const again = await server.post("/api/workflows/runs", request);
    expect(again.body).toMatchObject({ ok: true, created: true });
    expect(await server.finished(again.body.run_id)).toMatchObject({ status: "completed" });
  },
);

test.skipIf(disk === null)(
  "a server that is killed on a full disk finds everything when there is room (needs root)",
  async () => {
    fs.rmSync(path.join(project.dir, "go on"), { force: true });
    const run = await create(server, "writes");
    await until("its first step is recorded", async () => {
      const { body } = await server.get(`/api/workflows/runs/${run.task_id}/checkpoints`);
      return body.checkpoints.length === 1;
    });
    fill();
    release(project, "go on");
    await server.kill("SIGKILL");
    fs.rmSync(path.join(disk!, "filler"));
    server = await startChiron(project, withLedger(project), ["--db", path.join(disk!, "store", "chiron.db")]);
    const end = await server.finished(run.task_id);
    expect(end).toMatchObject({ status: "completed", attempts: 2, result: { output: ["first", "second", "third"] } });
  },
);
