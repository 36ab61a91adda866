// Schedules through the real process: files that are edited while it runs, and the API of a person's hand on them.
import { afterEach, beforeEach, expect, test } from "vitest";
import { makeProject, startChiron, type Chiron, type Project } from "../support/chiron-process.ts";

const FILE = "workflows/report.py";
const workflow = (schedule: string): string => `
WORKFLOW_NAME = "report"
SCHEDULE = ${schedule}


async def handler(inp, ctx):
    return inp
`;

let project: Project;
let server: Chiron;
beforeEach(async () => {
  project = makeProject({
    [FILE]: workflow('{"interval_seconds": 1, "input": {"profile": "default"}, "slack_channel": "#ops"}'),
  });
  server = await startChiron(project);
});
afterEach(async () => {
  await server.kill();
  project.remove();
});

const occurred = (outcome: string) =>
  server.nextEvent(({ type, ...event }) => type === "schedule.occurred" && event["outcome"] === outcome);
const changed = (change: string) =>
  server.nextEvent(({ type, ...event }) => type === "schedule.changed" && event["change"] === change);
const report = async () => (await server.get("/api/workflows/schedules/report")).body.schedule;

test("an interval of a second fires each second with the reference's input", async () => {
  const [first, second] = [await occurred("fired"), await occurred("fired")];
  expect(Number(second["from"]) - Number(first["from"])).toBe(1_000);
  const run = await server.finished(String(first["taskId"]));
  const scheduledFor = new Date(Number(first["from"])).toISOString().replace(".000Z", "+00:00");
  expect(run.result.output).toEqual({
    profile: "default",
    delivery: { platform: "slack", channel: "ops" },
    scheduled_for: scheduledFor,
    metadata: {
      source: "workflow_schedule",
      workflow_name: "report",
      no_delivery: false,
      schedule_id: "report",
      scheduled_for: scheduledFor,
    },
  });
  expect(await report()).toMatchObject({ state: "active", next_at: expect.any(String), last: { outcome: "fired" } });
});

test("edits take effect at the save: a new time, off, on, a mistake, gone", async () => {
  await occurred("fired");
  project.write(FILE, workflow('{"cron": "0 9 * * MON-FRI", "timezone": "America/New_York"}'));
  await changed("changed");
  expect(await report()).toMatchObject({ kind: { type: "cron" }, revision: 2 });
  project.write(FILE, workflow('{"cron": "0 9 * * MON-FRI", "timezone": "America/New_York", "enabled": "off"}'));
  await changed("disabled");
  expect(await report()).toMatchObject({ state: "disabled", next_at: null });
  project.write(FILE, workflow('{"cron": "0 9 * * MON-FRI", "timezone": "America/New_York"}'));
  await changed("enabled");
  project.write(FILE, workflow('{"cron": "0 9 31 2 *", "timezone": "UTC"}'));
  await server.nextEvent(({ type, kind }) => type === "catalog.problem" && kind === "schedule");
  expect(await report()).toMatchObject({ state: "active", timezone: "America/New_York" });
  project.write(FILE, "WORKFLOW_NAME = 'report'\nasync def handler(inp, ctx):\n    return 1\n");
  await changed("removed");
  expect((await server.get("/api/workflows/schedules")).body.schedules).toEqual([]);
});

test("a schedule is paused, fired by hand, resumed and backfilled over HTTP", async () => {
  const { body: paused } = await server.post("/api/workflows/schedules/report/pause", {});
  expect(paused.schedule).toMatchObject({ paused: true, paused_at: expect.any(String) });
  const { body: fired } = await server.post("/api/workflows/schedules/report/fire", { input: { profile: "other" } });
  expect((await server.finished(fired.run_id)).result.output).toMatchObject({
    profile: "other",
    metadata: { fire: "manual" },
  });
  const { body: resumed } = await server.post("/api/workflows/schedules/report/resume", {});
  expect(resumed.schedule.paused).toBe(false);
  const fire = await occurred("fired");
  const from = new Date(Number(fire["from"]) - 3_600_000).toISOString();
  const to = new Date(Number(fire["from"])).toISOString();
  const backfill = async (more: object) =>
    (await server.post("/api/workflows/schedules/report/backfill", { from, to, limit: 2, ...more })).body;
  expect(await backfill({ dry_run: true })).toMatchObject({
    truncated: true,
    occurrences: [{ status: "planned" }, { status: "planned" }],
  });
  const { occurrences } = await backfill({});
  expect(occurrences).toMatchObject([{ status: "fired" }, { status: "fired" }]);
  await server.finished(occurrences[1].task_id);
  expect(await server.post("/api/workflows/schedules/nope/pause", {})).toMatchObject({ status: 404 });
  expect(await server.post("/api/workflows/schedules/report/backfill", { from: to, to: from })).toMatchObject({
    status: 400,
  });
});
