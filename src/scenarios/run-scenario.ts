// Runs one scenario from an empty store to its verdict, and, where it asks for that, once more from every checkpoint at which the engine
// could have died.
import { ChironError, messageOf } from "../core/errors.ts";
import { Api } from "./api.ts";
import type { Bench, BenchEngine, Boundary } from "./bench.ts";
import { doubledEffects } from "./doubled-effects.ts";
import { Driver, type Deadline, type Drive, type Progress } from "./drive.ts";
import { msOf } from "./format.ts";
import type { LoadedScenario } from "./load.ts";
import { placeOf, type Place, pathOf } from "./located.ts";
import { areFinal, observeAll, observeThese, type Observed } from "./observe.ts";
import { Answers } from "./references.ts";
import { timelineOf } from "./timeline.ts";
import { uncheckedOn } from "./unchecked.ts";
import { judgeScenario, type Verdict } from "./verdict.ts";

export interface Failure {
  readonly path: string;
  readonly expected: string;
  readonly actual: string;
  readonly place: Place;
  /** Where the engine had gone; null: it had not. */
  readonly crash: string | null;
}

export interface ScenarioResult {
  readonly title: string;
  readonly place: Place;
  readonly outcome: "passed" | "failed" | "skipped" | "timeout" | "error" | "bad";
  readonly failures: readonly Failure[];
  /** Of an error, a timeout, a skip. */
  readonly message: string | null;
  readonly hint?: string | undefined;
  readonly ms: number;
  /** Virtual time that passed. */
  readonly virtualMs: number;
  /** What of it was not done here. */
  readonly unchecked: readonly string[];
  /** How many times it ran: 1, and once for each crash. */
  readonly plays: number;
  /** A store with what happened, and the runs to look at first. */
  readonly kept: { readonly store: string; readonly runIds: readonly string[] } | null;
  /** What came of it, for whoever rewrites expectations. */
  readonly observed: Observed | null;
  readonly heard: Progress["heard"];
}

const DEFAULT_START = "2026-01-01T00:00:00Z";
const DEFAULT_TIMEOUT_MS = 30_000;
/** Virtual time that a crash takes. */
const CRASH_MS = 1;
/** Between two looks at a server whose time nobody moves. */
const LOOK_MS = 100;

class TimeUp extends Error {}

/** A play that did not come to its verdict, with the store as it was then. */
class CutShort extends Error {
  readonly store: string;

  constructor(cause: unknown, store: string) {
    super("cut short", { cause });
    this.store = store;
  }
}

interface Saved {
  readonly boundary: Boundary;
  readonly store: string;
  readonly nowMs: number;
  readonly progress: Progress;
}

interface Play {
  readonly verdict: Verdict;
  readonly observed: Observed;
  readonly heard: Progress["heard"];
  readonly virtualMs: number;
  readonly unchecked: readonly string[];
  readonly saved: readonly Saved[];
  readonly kept: string | null;
}

/** Never rejects. */
export async function runScenario(loaded: LoadedScenario, bench: Bench): Promise<ScenarioResult> {
  const begun = performance.now();
  const { scenario, title, source } = loaded;
  const blank = {
    title,
    place: placeOf(source, ["name"]),
    failures: [],
    message: null,
    virtualMs: 0,
    unchecked: [],
    plays: 0,
    kept: null,
    observed: null,
    heard: [],
  };
  const since = (): number => Math.round(performance.now() - begun);
  const skip = scenario.skip ?? bench.refuses?.(scenario) ?? null;
  if (skip !== null) return { ...blank, outcome: "skipped", message: skip, ms: 0 };
  try {
    return { ...blank, ...(await playAll(loaded, bench)), ms: since() };
  } catch (error) {
    const cut = error instanceof CutShort ? error : null;
    return { ...blank, ...faultOf(cut?.cause ?? error), kept: cut && { store: cut.store, runIds: [] }, ms: since() };
  }
}

function faultOf(error: unknown): Pick<ScenarioResult, "outcome" | "message" | "hint"> {
  const message = messageOf(error);
  if (error instanceof TimeUp) return { outcome: "timeout", message };
  if (!(error instanceof ChironError)) return { outcome: "error", message: error instanceof Error ? (error.stack ?? message) : message }; // prettier-ignore
  return { outcome: error.code === "bad_request" ? "bad" : "error", message, hint: error.hint };
}

async function playAll(
  loaded: LoadedScenario,
  bench: Bench,
): Promise<Omit<ScenarioResult, "title" | "place" | "message" | "ms">> {
  const first = await play(loaded, bench, null);
  const failures = failuresOf(loaded, first.verdict, null);
  let kept = first.kept === null ? null : { store: first.kept, runIds: first.verdict.runIds };
  let plays = 1;
  // With expectations that do not hold anyway a crash proves nothing.
  for (const saved of failures.length > 0 ? [] : first.saved) {
    const again = await play(loaded, bench, saved);
    plays += 1;
    const doubled = doubledEffects(first.observed, again.observed);
    const verdict = { ...again.verdict, differences: [...again.verdict.differences, ...doubled] };
    const found = failuresOf(loaded, verdict, crashText(saved.boundary));
    failures.push(...found);
    if (found.length > 0 && again.kept !== null) kept = { store: again.kept, runIds: again.verdict.runIds };
  }
  const outcome = failures.length > 0 ? "failed" : "passed";
  const { virtualMs, observed, heard, unchecked } = first;
  return { outcome, failures, virtualMs, unchecked, plays, kept, observed, heard };
}

function crashText({ workflowName, what }: Boundary): string {
  return `${what} of ${workflowName}`;
}

function failuresOf({ source }: LoadedScenario, { differences }: Verdict, crash: string | null): Failure[] {
  return differences.map((one) => ({ ...one, place: placeOf(source, pathOf(one.path)), crash }));
}

/** Once: from nothing, or from where the engine died. */
async function play(loaded: LoadedScenario, bench: Bench, from: Saved | null): Promise<Play> {
  const { scenario, dir } = loaded;
  const startMs = Date.parse(scenario.clock ?? DEFAULT_START);
  const saves: Saved[] = [];
  let driver: Driver | null = null;
  let engine: BenchEngine | null = null;
  const opened = await bench.open({
    // The new engine's ids come after the old one's: ids of one moment have no order across engines.
    startMs: from === null ? startMs : from.nowMs + CRASH_MS,
    secrets: scenario.secrets ?? {},
    env: scenario.env ?? {},
    stubs: scenario.stubs ?? {},
    schedules: scenario.schedules ?? false,
    from: from?.store ?? null,
    onBoundary: async (boundary) => {
      if (scenario.crash === undefined || from !== null || !engine?.snapshot || !driver) return;
      const store = await engine.snapshot();
      const { now } = await new Api(engine.target).get("/api/clock");
      const progress = { ...driver.progress(), answers: new Answers(driver.answers.entries()) };
      saves.push({ boundary, store, nowMs: Date.parse(String(now)), progress });
    },
  });
  engine = opened;
  try {
    const api = new Api(opened.target);
    const drive: Drive = {
      scenario,
      dir,
      startMs,
      engine: opened,
      api,
      timeline: timelineOf(scenario),
      deadline: deadlineOf(msOf(scenario.timeout, DEFAULT_TIMEOUT_MS)),
    };
    driver = new Driver(drive, from?.progress ?? { begun: 0, heard: [], answers: new Answers() });
    await driver.run();
    return await conclude(drive, driver, saves, from !== null);
  } catch (error) {
    const store = error instanceof TimeUp ? await opened.keep?.() : undefined;
    throw store === undefined ? error : new CutShort(error, store);
  } finally {
    await opened.close();
  }
}

async function conclude(drive: Drive, driver: Driver, saved: readonly Saved[], crashed: boolean): Promise<Play> {
  const { engine, scenario, startMs, api } = drive;
  const { heard, answers } = driver;
  const observed = engine.virtual ? await observeAll(api) : await observeServer(drive, startedIn(heard));
  const context = { lookUp: (reference: string) => answers.lookUp(reference) };
  const verdict = judgeScenario({
    scenario,
    heard,
    observed,
    startMs,
    context,
    lostMs: crashed ? CRASH_MS : 0,
    virtual: engine.virtual,
  });
  const kept = verdict.differences.length > 0 && engine.keep ? await engine.keep() : null;
  const virtualMs = engine.virtual ? Date.parse(String((await api.get("/api/clock"))["now"])) - startMs : 0;
  return { verdict, observed, heard, virtualMs, unchecked: uncheckedOn(engine, scenario), saved, kept };
}

/** Tasks that the scenario's own requests began, in their order. */
function startedIn(heard: Progress["heard"]): string[] {
  return heard
    .map(({ answer }) => (answer.body as { readonly task_id?: unknown } | null)?.task_id)
    .filter((one) => typeof one === "string");
}

/** Runs that this scenario started on a server, when they have ended. */
async function observeServer({ api, deadline }: Drive, ids: readonly string[]): Promise<Observed> {
  for (;;) {
    const observed = await observeThese(api, ids);
    if (areFinal(observed)) return observed;
    deadline.check();
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

function deadlineOf(timeoutMs: number): Deadline {
  const end = performance.now() + timeoutMs;
  const up = (): TimeUp => new TimeUp(`it was not over after ${timeoutMs / 1_000} s of real time`);
  return {
    check() {
      if (performance.now() > end) throw up();
    },
    async within(work) {
      // What comes of it after the time is up concerns nobody.
      work.catch(() => null);
      const { promise: late, reject } = Promise.withResolvers<never>();
      const timer = setTimeout(() => reject(up()), Math.max(0, end - performance.now()));
      return Promise.race([work, late]).finally(() => clearTimeout(timer));
    },
  };
}
