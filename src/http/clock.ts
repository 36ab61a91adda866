// The engine's clock: what it shows, and the order to move it, which only `chiron dev` on SQLite obeys.
import { z } from "zod";
import { parseDuration } from "../core/duration.ts";
import { ChironError } from "../core/errors.ts";
import type { Move, TimeWalk } from "../engine/time-walk.ts";
import { ErrorAnswer } from "./answers.ts";
import type { ApiDeps } from "./deps.ts";
import { json } from "./responses.ts";
import { route, type Route } from "./route.ts";
import { rfc3339, rfc3339OrNull } from "./wire.ts";

/** Says, on every answer, that times in it are of a clock that was moved: `<RFC 3339 time> <mode>`. */
export const CLOCK_HEADER = "x-chiron-clock";

/** Real time one request may take; a longer walk is continued by the next one. */
const LIMIT_MS = 20_000;
const LONGEST_MS = 100 * 366 * 86_400_000;

const ok = z.literal(true);
const time = z.iso.datetime();

const ClockAnswer = z.object({
  ok,
  mode: z.enum(["real", "running", "frozen"]).describe("real: the machine's time; running: that and an offset."),
  now: time,
  real_now: time,
  offset_ms: z.number(),
  movable: z.boolean().describe("Whether POST moves it."),
  next_due_at: time.nullable().describe("When something becomes due next; known where the clock is movable."),
});

export type ClockReading = z.output<typeof ClockAnswer>;

const MovedAnswer = ClockAnswer.extend({
  done: z.boolean().describe("False: the request's time was up on the way; ask again with the target in `to`."),
  target: time,
  stops: z.int().describe("Due moments at which the clock stopped on its way."),
  busy: z.int().describe("Runs that are still at work."),
});

const duration = z
  .string()
  .max(64)
  .transform((text, context) => {
    const ms = parseDuration(text);
    if (ms !== null && ms <= LONGEST_MS) return ms;
    context.addIssue("must be a duration of at most 100 years, such as 90s, 15m, 36h or 7d");
    return z.NEVER;
  });

const MoveBody = z.object({
  action: z.enum(["set", "advance", "next", "follow"]),
  to: z.iso.datetime({ offset: true }).optional().describe("Of set: the time to show."),
  by: duration.optional().describe("Of advance: how far, such as 90s or 7d."),
  freeze: z.boolean().optional().describe("Stand still afterwards; absent: as before, running at first."),
  jump: z
    .boolean()
    .optional()
    .describe("Straight to the target: what was due on the way is late, as after a downtime."),
});

export function clockRoutes(deps: ApiDeps): Route[] {
  return [
    route({
      method: "GET",
      path: "/api/clock",
      name: "getClock",
      summary: "What the engine's clock shows, and whether it was moved.",
      access: "read",
      answers: { 200: { description: "The clock.", schema: ClockAnswer } },
      handle: async () => json(JSON.stringify({ ok: true, ...(await clockFields(deps)) })),
    }),
    route({
      method: "POST",
      path: "/api/clock",
      name: "moveClock",
      summary: "Move the clock of a dev engine on SQLite: sleeps, timeouts, back-off, leases and schedules with it.",
      access: "admin",
      body: MoveBody,
      answers: {
        200: { description: "Moved.", schema: MovedAnswer },
        409: { description: "The clock cannot be moved here, or nothing will become due.", schema: ErrorAnswer },
      },
      async handle({ body, request }) {
        const walk = deps.time;
        if (!walk) throw immovable();
        const moved = await perform(walk, body, request.signal);
        const { targetMs, done, stops, busy } = moved;
        const answer = { ...(await clockFields(deps)), done, target: rfc3339(targetMs), stops, busy };
        return json(JSON.stringify({ ok: true, ...answer }));
      },
    }),
  ];
}

async function perform(
  walk: TimeWalk,
  body: z.output<typeof MoveBody>,
  signal: AbortSignal,
): ReturnType<TimeWalk["move"]> {
  if (body.action === "follow") {
    await walk.follow();
    return { done: true, targetMs: walk.reading().nowMs, stops: 0, busy: 0 };
  }
  const { freeze, jump } = body;
  return walk.move(moveOf(body), {
    limitMs: LIMIT_MS,
    signal,
    ...(freeze === undefined ? {} : { freeze }),
    ...(jump === undefined ? {} : { jump }),
  });
}

function moveOf({ action, to, by }: z.output<typeof MoveBody>): Move {
  if (action === "next") return { kind: "next" };
  if (action === "set" && to !== undefined) return { kind: "to", toMs: Date.parse(to) };
  if (action === "advance" && by !== undefined) return { kind: "by", ms: by };
  const missing = action === "set" ? 'to: {"action": "set", "to": "2026-03-08T06:59:00Z"}' : 'by: {"action": "advance", "by": "7d"}'; // prettier-ignore
  throw new ChironError("bad_request", `action ${action} needs ${missing}`);
}

function immovable(): ChironError {
  return new ChironError("conflict", "the clock of this server cannot be moved", {
    hint: 'Only "chiron dev" with its state in SQLite has a clock that moves: other processes and the database keep the real time.',
  });
}

async function clockFields({ time: walk, clock }: ApiDeps): Promise<Omit<z.input<typeof ClockAnswer>, "ok">> {
  const nowMs = clock.now();
  const reading = walk?.reading() ?? { mode: "real", nowMs, realMs: nowMs };
  return {
    mode: reading.mode,
    now: rfc3339(reading.nowMs),
    real_now: rfc3339(reading.realMs),
    offset_ms: reading.nowMs - reading.realMs,
    movable: walk !== undefined,
    next_due_at: walk ? rfc3339OrNull(await walk.nextDueAt()) : null,
  };
}

/** The header's value; null while the clock is real. */
export function clockHeader({ time: walk }: ApiDeps): string | null {
  const reading = walk?.reading();
  return reading && reading.mode !== "real" ? `${rfc3339(reading.nowMs)} ${reading.mode}` : null;
}
