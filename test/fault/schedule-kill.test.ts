// kill -9 of the runtime before and after each write of a schedule. Whatever the moment: every occurrence is fired or skipped on record,
// in one piece from the first to the last, and each fire has one task.
import { afterEach, expect, test } from "vitest";
import { makeProject, startChiron, type Chiron, type Project } from "../support/chiron-process.ts";

const WORKFLOW = `
WORKFLOW_NAME = "tick"
SCHEDULE = {"interval_seconds": 1, "catchup": "all", "overlap": "queue"}


async def handler(inp, ctx):
    return inp["scheduled_for"]
`;

interface WireOccurrence {
  readonly at: string;
  readonly to: string;
  readonly count: number;
  readonly outcome: string;
  readonly task_id: string | null;
  readonly fire_key: string | null;
}

const open: { projects: Project[]; servers: Chiron[] } = { projects: [], servers: [] };
afterEach(async () => {
  for (const server of open.servers.splice(0)) await server.kill();
  for (const project of open.projects.splice(0)) project.remove();
});

async function start(project: Project, env: Record<string, string> = {}): Promise<Chiron> {
  const server = await startChiron(project, env);
  open.servers.push(server);
  return server;
}

/** Oldest first. */
async function occurrences(server: Chiron): Promise<WireOccurrence[]> {
  const { body } = await server.get("/api/workflows/schedules/tick/occurrences?limit=1000");
  return ((body.occurrences ?? []) as WireOccurrence[]).toReversed();
}

const POINTS = [
  "schedules.declare:before:1",
  "schedules.declare:after:1",
  "schedules.account:before:1",
  "schedules.account:after:1",
  "schedules.account:before:2",
  "schedules.account:after:2",
  "schedules.due:after:3",
];

test.each(POINTS)("a kill at %s loses no occurrence and fires none twice", async (point) => {
  const project = makeProject({ "workflows/tick.py": WORKFLOW });
  open.projects.push(project);
  const doomed = await startChiron(project, { CHIRON_FAULT_POINT: point }).catch(() => null);
  if (doomed) {
    open.servers.push(doomed);
    expect(await doomed.exited).toBe("SIGKILL");
  }
  const server = await start(project);
  const enough = async (): Promise<boolean> => (await occurrences(server)).filter(({ task_id }) => task_id).length >= 3;
  while (!(await enough())) await server.nextEvent(({ type }) => type === "schedule.occurred");

  const records = await occurrences(server);
  const times = records.flatMap(({ at, count }) =>
    Array.from({ length: count }, (_, index) => Date.parse(at) + index * 1_000),
  );
  const first = times[0]!;
  expect(times.toSorted((a, b) => a - b)).toEqual(times.map((_, index) => first + index * 1_000));
  const fired = records.filter(({ outcome }) => outcome === "fired");
  expect(new Set(fired.map(({ task_id }) => task_id)).size).toBe(fired.length);
  for (const { at, task_id, fire_key } of fired) {
    expect(fire_key).toBe(`schedule:tick:${at.replace(".000Z", "+00:00")}`);
    const run = await server.finished(task_id!);
    expect(run).toMatchObject({ cause: { kind: "schedule", ref: fire_key }, idempotency_key: fire_key });
  }
  const { body } = await server.get("/api/workflows/runs?limit=1000");
  const known = new Set((await occurrences(server)).map(({ task_id }) => task_id));
  for (const { task_id } of body.runs as { task_id: string }[]) expect(known.has(task_id)).toBe(true);
});
