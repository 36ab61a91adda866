// The clock of a real `chiron dev`, moved by commands and by the API: sleeps, retries and schedules follow it in their order.
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeProject, runChiron, startChiron, type Chiron, type Project } from "../support/chiron-process.ts";

const NAPPER = `
WORKFLOW_NAME = "napper"

async def handler(inp, ctx):
    for day in range(int(inp["days"])):
        await ctx.sleep(f"night {day}", 86400)
    return "rested"
`;

const FLAKY = `
from pathlib import Path
WORKFLOW_NAME = "flaky"

async def handler(inp, ctx):
    marks = Path(inp["file"])
    tries = len(marks.read_text()) if marks.exists() else 0
    marks.write_text("x" * (tries + 1))
    if tries < 2:
        raise RuntimeError("not yet")
    return tries
`;

const NIGHTLY = `
WORKFLOW_NAME = "nightly"
SCHEDULE = {"schedule_id": "nightly-report", "cron": "30 2 * * *", "timezone": "America/New_York"}

async def handler(inp, ctx):
    return "reported"
`;

let project: Project;
let chiron: Chiron;

beforeAll(async () => {
  project = makeProject({ "workflows/napper.py": NAPPER, "workflows/flaky.py": FLAKY });
  chiron = await startChiron(project);
});

afterAll(async () => {
  await chiron.kill();
  project.remove();
});

const clock = async (...args: readonly string[]) => {
  const { code, stdout, stderr } = await runChiron(project.dir, ["clock", ...args, "--json", "--url", chiron.url]);
  return { code, stderr, answer: JSON.parse(stdout) as Record<string, unknown> };
};
const create = async (workflow_name: string, input: unknown): Promise<string> =>
  (await chiron.post("/api/workflows/runs", { workflow_name, input })).body.task_id as string;
const run = async (id: string) => (await chiron.get(`/api/workflows/runs/${id}`)).body.run as Record<string, string>;

test("at first it is the machine's, and nothing says otherwise", async () => {
  const { answer } = await clock("now");
  expect(answer).toMatchObject({ mode: "real", offset_ms: 0, movable: true });
  const health = await fetch(`${chiron.url}/healthz`);
  expect(health.headers.get("x-chiron-clock")).toBeNull();
  expect(await health.json()).not.toHaveProperty("clock_offset_ms");
});

test("thirty days of sleeping take seconds, and each night ends a day after the last", async () => {
  const id = await create("napper", { days: 30 });
  const { answer } = await clock("advance", "31d");
  expect(answer).toMatchObject({ done: true, mode: "running", busy: 0 });
  const { status, created_at, finished_at } = await run(id);
  expect(status).toBe("completed");
  const days = (Date.parse(finished_at!) - Date.parse(created_at!)) / 86_400_000;
  expect(days).toBeGreaterThanOrEqual(30);
  expect(days).toBeLessThan(30.01);
});

test("the moved clock is told on every answer, in health, in lists and in the log of dev", async () => {
  const health = await fetch(`${chiron.url}/healthz`);
  expect(health.headers.get("x-chiron-clock")).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z running$/);
  expect(((await health.json()) as { clock_offset_ms: number }).clock_offset_ms).toBeGreaterThan(30 * 86_400_000);
  const list = await runChiron(project.dir, ["runs", "list", "--url", chiron.url]);
  expect(list.stderr).toMatch(/virtual clock .* ahead, running/);
  expect(chiron.events.some(({ type, mode }) => type === "clock.moved" && mode === "running")).toBe(true);
});

test("next goes from one due moment to the next, retries included", async () => {
  const id = await create("flaky", { file: `${project.dir}/tries` });
  await clock("next");
  await clock("next");
  const ended = (await chiron.finished(id)) as { status: string; attempt: number };
  expect(ended).toMatchObject({ status: "completed", attempt: 3 });
});

test("a frozen clock stands still while runs go on, and follow gives the machine's time back", async () => {
  const { answer } = await clock("set", "2027-03-14 01:55", "--zone", "America/New_York", "--freeze");
  expect(answer).toMatchObject({ mode: "frozen", now: "2027-03-14T06:55:00.000Z" });
  const id = await create("napper", { days: 0 });
  expect((await chiron.finished(id)).created_at).toBe("2027-03-14T06:55:00.000Z");
  expect((await clock("now")).answer["now"]).toBe("2027-03-14T06:55:00.000Z");
  expect((await clock("follow")).answer).toMatchObject({ mode: "real", offset_ms: 0 });
});

test("a schedule added to the running engine fires once right after the gap of a spring night", async () => {
  await clock("set", "2027-03-14 01:55", "--zone", "America/New_York", "--freeze");
  const reloaded = chiron.nextEvent(({ type, scheduleId }) => type === "schedule.changed" && scheduleId === "nightly-report"); // prettier-ignore
  project.write("workflows/nightly.py", NIGHTLY);
  await reloaded;
  await clock("advance", "1d", "--freeze");
  const place = "/api/workflows/schedules/nightly-report/occurrences";
  const { occurrences } = (await chiron.get(place)).body as { occurrences: { at: string; outcome: string }[] };
  expect(occurrences.map(({ at, outcome }) => `${at} ${outcome}`)).toEqual([
    "2027-03-15T06:30:00.000Z fired",
    "2027-03-14T07:00:00.000Z fired",
  ]);
});

test("what cannot be is refused with a reason", async () => {
  const move = (body: unknown) => chiron.post("/api/clock", body);
  expect(await move({ action: "set", to: "1970-01-01T00:00:00Z" })).toMatchObject({ status: 400 });
  expect(await move({ action: "set" })).toMatchObject({ status: 400 });
  expect(await move({ action: "advance", by: "a while" })).toMatchObject({ status: 400 });
  expect(await move({ action: "advance", by: "-5m" })).toMatchObject({ status: 400 });
  expect(await move({ action: "stop" })).toMatchObject({ status: 400 });
  expect(await clock("set", "2026-02-30")).toMatchObject({ code: 2, answer: { code: "bad_request" } });
  expect(await clock("advance", "soon")).toMatchObject({ code: 2, answer: { code: "bad_request" } });
});

test("without a dev engine there is no clock to move", async () => {
  const other = makeProject();
  try {
    const { code, stdout } = await runChiron(other.dir, ["clock", "advance", "1h", "--json"]);
    expect(code).toBe(6);
    expect(JSON.parse(stdout)).toMatchObject({
      ok: false,
      code: "conflict",
      hint: expect.stringContaining("chiron dev"),
    });
    const shown = await runChiron(other.dir, ["clock", "now"]);
    expect(shown).toMatchObject({ code: 0, stdout: expect.stringContaining("the machine's time") });
  } finally {
    other.remove();
  }
});
