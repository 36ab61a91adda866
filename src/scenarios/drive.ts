// Lets a scenario happen: sends what it sends, each thing when everything before it has settled, and moves virtual time until nothing is left
// to become due. What came of it is observe.ts's matter.
import { randomUUID } from "node:crypto";
import { ChironError } from "../core/errors.ts";
import { nearest } from "../core/nearest.ts";
import type { Answer, Api } from "./api.ts";
import type { BenchEngine } from "./bench.ts";
import { deliveryRequest, fixtureOf } from "./delivery.ts";
import { msOf, type Scenario } from "./format.ts";
import type { Answers } from "./references.ts";
import type { Happening } from "./timeline.ts";

/** An answer, and what it was an answer to. */
export interface Heard {
  readonly happening: Happening;
  readonly answer: Answer;
  /** When it was sent, in virtual time. */
  readonly atMs: number;
}

export interface Progress {
  /** How many happenings have begun. */
  readonly begun: number;
  readonly heard: readonly Heard[];
  readonly answers: Answers;
}

/** The real time that a scenario has. Both throw when it is up. */
export interface Deadline {
  check(): void;
  within<T>(work: Promise<T>): Promise<T>;
}

export interface Drive {
  readonly scenario: Scenario;
  readonly timeline: readonly Happening[];
  readonly dir: string;
  readonly startMs: number;
  readonly engine: BenchEngine;
  readonly api: Api;
  readonly deadline: Deadline;
}

/** Four hundred days: a yearly schedule comes round, and nothing goes on for ever. */
const DEFAULT_UNTIL_MS = 400 * 86_400_000;
/** Times that something may be due and not begin before it counts as stuck. */
const STUCK = 3;

export class Driver {
  readonly #drive: Drive;
  readonly answers: Answers;
  readonly #nonce = randomUUID();
  #begun: number;
  readonly heard: Heard[];

  /** Goes on from `earlier`, or begins. */
  constructor(drive: Drive, earlier: Progress) {
    this.#drive = drive;
    this.#begun = earlier.begun;
    this.heard = [...earlier.heard];
    this.answers = earlier.answers;
  }

  /** How far it has come. */
  progress(): Omit<Progress, "answers"> {
    return { begun: this.#begun, heard: [...this.heard] };
  }

  /** Everything of the scenario, to its end. */
  async run(): Promise<void> {
    const { timeline, startMs, scenario, engine } = this.#drive;
    // What a crash left goes on before anything new comes.
    await this.#settle();
    while (this.#begun < timeline.length) {
      const happening = timeline[this.#begun]!;
      await this.#walkTo(startMs + happening.atMs);
      this.#begun += 1;
      const answer = await this.#perform(happening);
      this.heard.push({ happening, answer, atMs: happening.atMs });
      this.answers.set(happening.item.id, answer);
      await this.#settle();
    }
    if (engine.virtual) await this.#walkOut(startMs + msOf(scenario.until, DEFAULT_UNTIL_MS));
  }

  async #perform(happening: Happening): Promise<Answer> {
    const { api, scenario } = this.#drive;
    const { answers } = this;
    switch (happening.kind) {
      case "delivery":
        return this.#deliver(happening);
      case "run": {
        const { workflow, input, idempotency_key, max_attempts } = answers.filled(happening.item);
        const workflow_name = workflow ?? scenario.workflow;
        return api.post("/api/workflows/runs", { workflow_name, input, idempotency_key, max_attempts });
      }
      case "event": {
        const { name, type, correlation, payload } = answers.filled(happening.item);
        const which =
          name === undefined ? { event_type: type, correlation_id: String(correlation) } : { event_name: name };
        return api.post("/api/workflows/events", { ...which, payload });
      }
    }
  }

  async #deliver(happening: Extract<Happening, { readonly kind: "delivery" }>): Promise<Answer> {
    const { api, engine, dir, scenario } = this.#drive;
    const item = this.answers.filled(happening.item);
    const slug = item.hook ?? scenario.hook ?? fixtureOf(item, dir)?.slug ?? "";
    const spec = engine.hook(slug);
    if (spec === undefined) throw unknownHook(slug, engine.slugs());
    const nowMs = engine.virtual ? await this.#now() : Date.now();
    const deliveryId = (ofSample: string): string => (engine.virtual ? ofSample : `${ofSample}-${this.#nonce}`);
    const request = deliveryRequest(item, { spec, base: api.base, dir, secret: engine.secret, nowMs, deliveryId });
    const bodiless = request.method === "GET" || request.method === "HEAD";
    return api.send(request.url, {
      method: request.method,
      headers: request.headers,
      ...(bodiless ? {} : { body: new Uint8Array(request.body) }),
    });
  }

  async #now(): Promise<number> {
    const { now } = (await this.#drive.api.get("/api/clock")) as { readonly now: string };
    return Date.parse(now);
  }

  async #settle(): Promise<void> {
    if (this.#drive.engine.virtual) await this.#walkTo(await this.#now());
  }

  /** Moves time there, from one due moment to the next, until nothing is at work any more. */
  async #walkTo(toMs: number): Promise<void> {
    const { api, deadline, engine } = this.#drive;
    if (!engine.virtual) return;
    // After a crash the clock may have passed a moment whose happening had not begun.
    const to = new Date(Math.max(toMs, await this.#now())).toISOString();
    for (;;) {
      deadline.check();
      const moved = await deadline.within(api.order("/api/clock", { action: "set", to, freeze: true }));
      if (moved["done"] === true && moved["busy"] === 0) return;
    }
  }

  /** To the last moment at which anything is due. */
  async #walkOut(untilMs: number): Promise<void> {
    let stuck = 0;
    for (;;) {
      this.#drive.deadline.check();
      const { now, next_due_at: due } = await this.#drive.api.get("/api/clock");
      const dueMs = typeof due === "string" ? Date.parse(due) : null;
      if (dueMs === null || dueMs > untilMs) break;
      stuck = dueMs <= Date.parse(String(now)) ? stuck + 1 : 0;
      if (stuck === STUCK) break;
      await this.#walkTo(dueMs);
    }
    if (this.#drive.scenario.schedules) await this.#walkTo(untilMs);
  }
}

function unknownHook(slug: string, slugs: readonly string[]): ChironError {
  const [near] = nearest(slug, slugs, 1);
  const known = slugs.length === 0 ? "the workflows declare none" : `there are ${slugs.join(", ")}`;
  return new ChironError(
    "bad_request",
    `no webhook has the slug "${slug}"; ${near ? `did you mean "${near}"?` : known}`,
  );
}
