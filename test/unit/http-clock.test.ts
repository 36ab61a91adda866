// The clock's routes: what they tell where time is real, and the header that says when it is not.
import { afterEach, expect, test } from "vitest";
import { createMovableClock } from "../../adapters/node/movable-clock.ts";
import { Bus } from "../../src/core/bus.ts";
import { TimeWalk, type Walkable } from "../../src/engine/time-walk.ts";
import { openApi, type Api } from "./http-fixture.ts";

const NEVER: Walkable = {
  round: async () => undefined,
  busy: () => new Set(),
  isIdle: () => true,
  nextDueAt: async () => null,
  hold: async () => undefined,
};

let api: Api | null = null;
afterEach(() => api?.close());

async function movable(): Promise<Api> {
  const clock = createMovableClock();
  return openApi({ clock, time: new TimeWalk(clock, NEVER, new Bus()) });
}

test("where time is real it is told, and moving it is a conflict with a hint", async () => {
  api = await openApi();
  const told = (await (await api.get("/api/clock")).json()) as Record<string, unknown>;
  expect(told).toMatchObject({ ok: true, mode: "real", offset_ms: 0, movable: false, next_due_at: null });
  const refused = await api.post("/api/clock", { action: "advance", by: "1h" });
  expect(refused.status).toBe(409);
  expect(await refused.json()).toMatchObject({
    ok: false,
    code: "conflict",
    hint: expect.stringContaining("chiron dev"),
  });
});

test("a moved clock is told on every answer until it follows the machine again", async () => {
  api = await movable();
  expect((await api.get("/healthz")).headers.get("x-chiron-clock")).toBeNull();
  const moved = await api.post("/api/clock", { action: "set", to: "2027-01-01T00:00:00+01:00", freeze: true });
  expect(await moved.json()).toMatchObject({
    mode: "frozen",
    now: "2026-12-31T23:00:00.000Z",
    done: true,
    stops: 0,
    busy: 0,
  });
  const health = await api.get("/healthz");
  expect(health.headers.get("x-chiron-clock")).toBe("2026-12-31T23:00:00.000Z frozen");
  expect(await health.json()).toHaveProperty("clock_offset_ms");
  expect((await api.get("/api/workflows/runs/nothing")).headers.get("x-chiron-clock")).not.toBeNull();
  await api.post("/api/clock", { action: "follow" });
  expect((await api.get("/healthz")).headers.get("x-chiron-clock")).toBeNull();
});

test.each([
  {},
  { action: "set" },
  { action: "set", to: "tomorrow" },
  { action: "set", to: "2027-01-01T00:00:00" },
  { action: "set", to: "1999-12-31T23:59:59Z" },
  { action: "set", to: "2300-01-01T00:00:00Z" },
  { action: "advance" },
  { action: "advance", by: "-1h" },
  { action: "advance", by: "1 fortnight" },
  { action: "advance", by: 60 },
  { action: "rewind", by: "1h" },
  { action: "advance", by: "1h", freeze: "yes" },
])("%j is a bad request", async (body) => {
  api = await movable();
  const answer = await api.post("/api/clock", body);
  expect(answer.status).toBe(400);
  expect(await answer.json()).toMatchObject({ ok: false, code: "bad_request" });
});

test("next is a conflict when nothing will become due", async () => {
  api = await movable();
  expect((await api.post("/api/clock", { action: "next" })).status).toBe(409);
});
