// Schedules over HTTP: every answer in its documented shape, every mistake of a client named.
import { afterEach, beforeEach, expect, test } from "vitest";
import { ErrorAnswer } from "../../src/http/answers.ts";
import * as shapes from "../../src/http/schedule-shapes.ts";
import { declaration, DEFINITION } from "../contract/schedules.ts";
import { openApi, read, type Api } from "./http-fixture.ts";

let api: Api;
const start = Date.now() - 600_000;
beforeEach(async () => {
  api = await openApi();
  const definition = { ...DEFINITION, overlap: "allow" } as const;
  await api.store.schedules.declare([declaration(start, { definition })]);
});
afterEach(() => api.close());

const at = "/api/workflows/schedules/nightly";

test("a schedule tells how it stands and when it is next", async () => {
  const { schedules } = await read(await api.get("/api/workflows/schedules"), shapes.SchedulesAnswer);
  expect(schedules).toMatchObject([
    { schedule_id: "nightly", state: "active", paused: false, revision: 1, last: null },
  ]);
  const one = await read(await api.get(at), shapes.ScheduleAnswer);
  expect(one.schedule).toEqual(schedules[0]);
  expect(one.next).toHaveLength(5);
  expect(Date.parse(one.next[0]!)).toBeGreaterThan(Date.now());
});

test("pause, fire, resume and the occurrences answer in their shapes", async () => {
  expect((await read(await api.post(`${at}/pause`, {}), shapes.ScheduleAnswer)).schedule.paused).toBe(true);
  const fired = await read(await api.post(`${at}/fire`, { input: { a: 2 }, idempotency_key: "k" }), shapes.FireAnswer);
  expect(fired).toMatchObject({ created: true, fire_key: "schedule:nightly:manual:k" });
  expect((await read(await api.post(`${at}/resume`, {}), shapes.ScheduleAnswer)).schedule.paused).toBe(false);
  const page = await read(await api.get(`${at}/occurrences?limit=1`), shapes.OccurrencesAnswer);
  expect(page.occurrences).toMatchObject([{ outcome: "fired", source: "manual", task_id: fired.task_id }]);
  const rest = await read(await api.get(`${at}/occurrences?cursor=${page.next_cursor}`), shapes.OccurrencesAnswer);
  expect(rest).toMatchObject({ next_cursor: null });
  expect(rest.occurrences.length).toBeGreaterThan(0);
  const skipped = await read(await api.get(`${at}/occurrences?outcome=held`), shapes.OccurrencesAnswer);
  expect(skipped.occurrences).toEqual([]);
});

test("a fire without a body takes the declared input; a body that is no JSON is still refused", async () => {
  const fired = await api.app.request("/api/workflows/schedules/nightly/fire", { method: "POST" });
  expect(await read(fired, shapes.FireAnswer)).toMatchObject({ created: true });
  expect((await api.post("/api/workflows/schedules/nightly/fire", "{")).status).toBe(400);
});

test("a backfill tells what it would fire, and then fires it", async () => {
  const range = { from: new Date(start - 300_000).toISOString(), to: new Date(start).toISOString() };
  const planned = await read(await api.post(`${at}/backfill`, { ...range, dry_run: true }), shapes.BackfillAnswer);
  expect(planned.occurrences.map(({ status }) => status)).toEqual(Array(5).fill("planned"));
  const { occurrences } = await read(await api.post(`${at}/backfill`, range), shapes.BackfillAnswer);
  expect(occurrences.every(({ status, task_id }) => status === "fired" && task_id !== null)).toBe(true);
  const again = await read(await api.post(`${at}/backfill`, range), shapes.BackfillAnswer);
  expect(again.occurrences.map(({ task_id }) => task_id)).toEqual(occurrences.map(({ task_id }) => task_id));
});

test.each([
  ["a schedule that is not there", "/api/workflows/schedules/nihgtly", undefined, 404, "schedule not found: nihgtly"],
  ["its occurrences", "/api/workflows/schedules/nope/occurrences", undefined, 404, "schedule not found"],
  ["a strange id", "/api/workflows/schedules/%00", undefined, 404, "schedule not found"],
  ["a pause of what is not there", "/api/workflows/schedules/nope/pause", {}, 404, "schedule not found"],
  [
    "a time without an offset",
    `${at}/backfill`,
    { from: "2026-01-01T00:00:00", to: "2026-01-02T00:00:00Z" },
    400,
    "offset",
  ],
  [
    "a range that ends before it begins",
    `${at}/backfill`,
    { from: "2026-01-02T00:00:00Z", to: "2026-01-01T00:00:00Z" },
    400,
    "before",
  ],
  [
    "a range in the future",
    `${at}/backfill`,
    { from: "2026-01-02T00:00:00Z", to: "2199-01-01T00:00:00Z" },
    400,
    "future",
  ],
  [
    "a limit of none",
    `${at}/backfill`,
    { from: "2026-01-02T00:00:00Z", to: "2026-01-03T00:00:00Z", limit: 0 },
    400,
    "limit",
  ],
  ["an input that is no object", `${at}/fire`, { input: [1] }, 400, "input"],
  ["an unknown outcome", `${at}/occurrences?outcome=lost`, undefined, 400, "outcome"],
])("%s is refused by name", async (_, path, body, status, message) => {
  const response = body === undefined ? await api.get(path) : await api.post(path, body);
  expect((await read(response, ErrorAnswer, status)).error).toContain(message);
});

test("a mistyped id is answered with the nearest one", async () => {
  const answer = await read(await api.get("/api/workflows/schedules/nihgtly"), ErrorAnswer, 404);
  expect(answer.hint).toContain("nightly");
});

test("a removed schedule is not listed, keeps its history and cannot be paused", async () => {
  await api.store.schedules.declare([declaration(start, { version: 1, state: "removed", nextAt: null, dueAt: null })]);
  expect((await read(await api.get("/api/workflows/schedules"), shapes.SchedulesAnswer)).schedules).toEqual([]);
  expect((await read(await api.get(at), shapes.ScheduleAnswer)).schedule.state).toBe("removed");
  await read(await api.get(`${at}/occurrences`), shapes.OccurrencesAnswer);
  await read(await api.post(`${at}/pause`, {}), ErrorAnswer, 409);
});
