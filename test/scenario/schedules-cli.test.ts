// `chiron schedules` beside a real `chiron dev` and without one.
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeProject, runChiron, startChiron, type Chiron, type Project } from "../support/chiron-process.ts";

const REPORTS = `
WORKFLOW_NAME = "reports"
SCHEDULE = [
    {"schedule_id": "night", "cron": "30 2 * * *", "timezone": "America/New_York"},
    {"schedule_id": "workday", "cron": "0 9 * * 1-5", "timezone": "Europe/Berlin"},
    {"schedule_id": "poll", "interval_seconds": 3600, "overlap": "skip"},
    {"schedule_id": "off", "cron": "0 0 * * *", "timezone": "UTC", "enabled": False},
]

async def handler(inp, ctx):
    return inp
`;

let project: Project;
let chiron: Chiron;

beforeAll(async () => {
  project = makeProject({ "workflows/reports.py": REPORTS });
});

afterAll(async () => {
  await chiron?.kill();
  project.remove();
});

const schedules = (...args: readonly string[]) => runChiron(project.dir, ["schedules", ...args]);
const asJson = async (...args: readonly string[]) => {
  const { code, stdout } = await schedules(...args, "--json");
  return { code, answer: JSON.parse(stdout) as Record<string, never> };
};

test("without a server the files are rehearsed, and no store is made", async () => {
  const range = ["--from", "2026-03-07", "--to", "2026-03-10", "--duration", "90m"];
  const { code, stdout } = await schedules("rehearse", "--files", "workflows", ...range);
  expect(code).toBe(0);
  expect(stdout).toMatch(/Sun 2026-03-08 03:00 -04:00 +2026-03-08 07:00Z +night +reports +moved: .* between 02:00 and 03:00/); // prettier-ignore
  expect(stdout).toMatch(/America\/New_York +Sun 2026-03-08 +02:00 → 03:00/);
  expect(stdout).toContain("skipped: the run before is not over");
  expect(stdout).toMatch(/workday: "0 9 \* \* 1-5" is read in two ways/);
  expect(stdout).toContain("poll has not begun");
  expect(project.read(".chiron/chiron.db")).toBe("");
});

test("a rehearsal of a folder that is not there is an error, not an empty page", async () => {
  const { code, stderr } = await schedules("rehearse", "--files", "flows");
  expect(code).toBe(5);
  expect(stderr).toContain("there is no ");
});

test("a rehearsal as JSON names every occurrence, change of the clock and reading", async () => {
  const range = ["--from", "2026-01-01", "--to", "2027-01-01"];
  const { code, answer } = await asJson("rehearse", "night", "workday", "--files", "workflows", ...range);
  expect(code).toBe(0);
  expect(answer).toMatchObject({
    from: "2026-01-01T00:00:00.000Z",
    complete_to: "2027-01-01T00:00:00.000Z",
    total: 365 + 261,
    schedules: [
      { schedule_id: "night", occurrences: 365, other_reading: null },
      { schedule_id: "workday", occurrences: 261, other_reading: { dialect: "quartz", different: 104 } },
    ],
  });
  expect(answer["clock_changes"]).toHaveLength(4);
  const fires = answer["fires"] as unknown as { at: string; clock: string | null }[];
  expect(fires.filter(({ clock }) => clock !== null).map(({ at }) => at)).toEqual(["2026-03-08T07:00:00.000Z"]);
});

test("without a server list and next tell what the files say", async () => {
  const list = await schedules("list");
  expect(list.stdout).toMatch(/night +reports +30 2 \* \* \* America\/New_York +not begun/);
  const { answer } = await asJson("next", "night", "--count", "3", "--zone", "UTC");
  expect(answer["next"]).toHaveLength(3);
});

test("beside a server schedules are listed, fired, paused and resumed", async () => {
  chiron = await startChiron(project);
  const list = await schedules("list");
  expect(list.stdout).toMatch(/poll +reports +every 1h +\w{3} .*\(in /);
  expect(list.stdout).toMatch(/off +reports +0 0 \* \* \* UTC +disabled/);
  const fired = await asJson("fire", "off", "--input", '{"by": "hand"}', "--key", "once");
  expect(fired.answer).toMatchObject({ ok: true, created: true });
  const run = await chiron.finished(fired.answer["run_id"]!);
  expect(run).toMatchObject({
    status: "completed",
    result: { output: { by: "hand", metadata: { source: "workflow_schedule" } } },
  });
  expect((await asJson("fire", "off", "--key", "once")).answer).toMatchObject({ created: false });
  expect((await schedules("pause", "poll")).stdout).toContain("paused poll");
  expect((await schedules("next", "poll")).stderr).toContain("poll is paused");
  expect((await schedules("resume", "poll")).stdout).toMatch(/^resumed poll; next /);
});

test("what became of the occurrences is shown, and a past range is backfilled once", async () => {
  const backfill = ["backfill", "night", "--from", "-3d", "--to", "now"];
  expect((await asJson(...backfill, "--dry-run")).answer).toMatchObject({ dry_run: true });
  const first = (await asJson(...backfill)).answer as unknown as { occurrences: { status: string }[] };
  expect(first.occurrences.map(({ status }) => status)).toEqual(["fired", "fired", "fired"]);
  const second = (await asJson(...backfill)).answer as unknown as { occurrences: { status: string }[] };
  expect(second.occurrences.map(({ status }) => status)).toEqual(["exists", "exists", "exists"]);
  const shown = await schedules("show", "night");
  expect(shown.stdout).toContain("night starts reports: 30 2 * * * America/New_York");
  expect(shown.stdout.match(/fired +backfill/g)).toHaveLength(3);
});

test("durations of past runs are what overlaps are rehearsed with", async () => {
  const { answer } = await asJson("rehearse", "poll", "--to", "+1d");
  const [poll] = answer["schedules"] as unknown as {
    duration_runs: number;
    duration_ms: number;
    occurrences: number;
  }[];
  expect(poll!.duration_runs).toBeGreaterThan(0);
  expect(poll!.duration_ms).toBeLessThan(3_600_000);
  expect(poll!.occurrences).toBe(24);
});

test.each([
  [["show", "nigth"], 5, "Did you mean night?"],
  [["fire", "nigth"], 5, "Did you mean night?"],
  [["next", "nigth"], 5, "Did you mean night?"],
  [["next", "--zone", "Mars/Base"], 2, "is not a time zone"],
  [["next", "--count", "0"], 2, "--count"],
  [["rehearse", "--from", "tomorrow"], 2, "is not a time"],
  [["rehearse", "--from", "2026-02-01", "--to", "2026-01-01"], 2, "--to is not after --from"],
  [["rehearse", "--duration", "long"], 2, "is not a duration"],
  [["backfill", "night", "--from", "-1d", "--to", "+1d"], 2, "future"],
] as const)("%j is refused with exit code %d", async (args, exit, told) => {
  const { code, stderr } = await schedules(...args);
  expect({ code, stderr }).toMatchObject({ code: exit, stderr: expect.stringContaining(told) });
});
