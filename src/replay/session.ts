// A handler run against what a task recorded. Nothing is written: no checkpoint, no wait, no log line, no effect. What is not recorded
// happens as the policies say; by default the handler is stopped there, and no call reaches anybody.
import type { JsonText } from "../core/json-text.ts";
import { messageOf } from "../core/errors.ts";
import type { Clock } from "../ports/clock.ts";
import type {
  CallAnswer,
  CtxCall,
  GenerationHost,
  RunEnd,
  RunSession,
  RunStart,
  Standing,
  StandingAnswer,
  StepAnswer,
  Way,
} from "../ports/host.ts";
import type { Store } from "../ports/store.ts";
import type { Checkpoint, LogLine } from "../ports/store-types.ts";
import type { TaskRecord } from "./task-record.ts";
import { divergenceOf, planOf, type Divergence, type PlanEntry, type ReplayEnd, type Seen } from "./plan.ts";
import { RecordedEffects, UnrecordedCall } from "./recorded-effects.ts";

/** stop: the replay ends there. stub: the given outcome, else the recorded one that was set aside, else stop. live: its body runs. block: it fails. */
export const STEP_POLICIES = ["stop", "stub", "live", "block"] as const;
export type StepPolicy = (typeof STEP_POLICIES)[number];

/** recorded: as the task was answered, else stop. stubbed: the same, else null. blocked: every call fails. */
export const EFFECT_POLICIES = ["recorded", "stubbed", "blocked"] as const;
export type EffectPolicy = (typeof EFFECT_POLICIES)[number];

export interface ReplayRequest {
  readonly record: TaskRecord;
  /** Runs the code to try. */
  readonly host: GenerationHost;
  readonly steps?: StepPolicy;
  readonly effects?: EffectPolicy;
  /** What is recorded from this position on is set aside. */
  readonly from?: number;
  readonly input?: JsonText;
  /** Other results of recorded steps. */
  readonly edits?: ReadonlyMap<string, JsonText>;
  /** Outcomes of steps that are not recorded. */
  readonly stubs?: ReadonlyMap<string, JsonText>;
  /** The handler is stopped after this time. */
  readonly limitMs?: number;
}

export interface Replay {
  readonly generation: string;
  readonly plan: readonly PlanEntry[];
  readonly divergence: Divergence | null;
  readonly end: ReplayEnd;
  /** What the handler wrote, the last lines of it. */
  readonly logs: readonly Pick<LogLine, "level" | "source" | "message">[];
}

export interface ReplayDeps {
  readonly store: Pick<Store, "reads" | "effects">;
  readonly clock: Clock;
}

/** Long enough for code between steps; a body that runs for real may take longer. */
export const DEFAULT_LIMIT_MS = 30_000;
const LOG_LINES = 200;

/** Runs the handler until it ends, stands at what it must not do, or its time is over. Never rejects for what the handler does. */
export function replay(deps: ReplayDeps, request: ReplayRequest): Promise<Replay> {
  return new ReplaySession(deps, request).run();
}

class ReplaySession {
  readonly #deps: ReplayDeps;
  readonly #request: ReplayRequest;
  readonly #effects: RecordedEffects;
  readonly #offered: ReadonlyMap<string, Checkpoint>;
  readonly #seen: Seen[] = [];
  readonly #noted = new Set<string>();
  readonly #running = new Set<string>();
  readonly #logs: Pick<LogLine, "level" | "source" | "message">[] = [];
  #end: ReplayEnd | null = null;

  constructor(deps: ReplayDeps, request: ReplayRequest) {
    this.#deps = deps;
    this.#request = request;
    const { record, from = Infinity } = request;
    this.#effects = new RecordedEffects(deps.store, record.task.taskId);
    this.#offered = new Map(record.checkpoints.filter(({ seq }) => seq < from).map((one) => [one.name, one]));
  }

  async run(): Promise<Replay> {
    const { record, host, edits = new Map<string, JsonText>() } = this.#request;
    const end = host.watches ? await this.#follow() : unwatched(host);
    const edited = new Set([...edits.keys()].filter((name) => this.#offered.has(name)));
    const found = { record, offered: this.#offered, edited, seen: this.#seen, end };
    return {
      generation: host.generation.id,
      plan: planOf(found),
      divergence: divergenceOf(found),
      end,
      logs: this.#logs,
    };
  }

  async #follow(): Promise<ReplayEnd> {
    const { host, limitMs = DEFAULT_LIMIT_MS } = this.#request;
    const patience = new AbortController();
    const over = new AbortController();
    const limit = this.#deps.clock.sleep(limitMs, over.signal).then(() => {
      if (!over.signal.aborted) patience.abort("the replay took too long");
    });
    const ended = await host.run(this.#start(), this.#session(), patience.signal);
    over.abort();
    await limit;
    if (patience.signal.aborted) return { kind: "lost", message: `it had no end within ${limitMs} ms` };
    return this.#end ?? endOf(ended);
  }

  #start(): RunStart {
    const { record, input, edits } = this.#request;
    const { task, run } = record;
    return {
      runId: run.runId,
      taskId: task.taskId,
      workflowName: task.workflowName,
      attempt: run.attempt,
      input: input ?? task.input,
      recorded: [...this.#offered.values()].map(({ name, kind, value }) => ({
        name,
        kind,
        value: edits?.get(name) ?? value,
      })),
    };
  }

  #session(): RunSession {
    return {
      watch: {
        live: this.#request.steps === "live",
        reached: (step) => this.#note({ ...step, recorded: true }),
        stands: (at) => Promise.resolve(this.#stands(at)),
      },
      step: (write) => Promise.resolve(this.#written(write.name)),
      suspend: () => Promise.resolve({ gone: "a replay does not sleep" }),
      call: (call) => this.#call(call),
      log: ({ level, source, message }) => {
        this.#logs.push({ level, source, message });
        if (this.#logs.length > LOG_LINES) this.#logs.shift();
      },
      metric: () => undefined,
    };
  }

  #note(seen: Seen): void {
    if (this.#noted.has(seen.name)) return;
    this.#noted.add(seen.name);
    this.#seen.push(seen);
  }

  #stands(at: readonly Standing[]): StandingAnswer {
    for (const { name, kind, position } of at) this.#note({ name, kind, position, recorded: false });
    if (this.#request.steps === "block")
      return { refused: `${names(at)} is not recorded, and this replay does nothing new` };
    const ways = at.flatMap((one) => this.#wayOf(one) ?? []);
    if (ways.length > 0) return { ways };
    this.#end = { kind: "stands", at };
    return { gone: "not recorded" };
  }

  /** How this step may go on; null: not at all. A sleep or a wait has no outcome but the recorded one. */
  #wayOf({ name, kind }: Standing): Way | null {
    const { steps = "stop", stubs, record } = this.#request;
    const stub = stubs?.get(name);
    if (steps === "stop") return null;
    if (stub !== undefined) return { name, kind: kind === "step" ? "step" : kind, value: stub };
    const set = steps === "stub" ? record.checkpoints.find((one) => one.name === name) : undefined;
    if (set) return { name, kind: set.kind, value: set.value };
    if (steps !== "live" || kind !== "step") return null;
    this.#running.add(name);
    return { name, kind: "run" };
  }

  #written(name: string): StepAnswer {
    return this.#running.has(name) ? { ok: true } : { ok: false, gone: "not recorded" };
  }

  async #call(call: CtxCall): Promise<CallAnswer> {
    const { effects = "recorded" } = this.#request;
    if (effects === "blocked") return { ok: false, error: `${call.type} is blocked in this replay` };
    try {
      return await this.#effects.answer(call);
    } catch (error) {
      if (!(error instanceof UnrecordedCall)) throw error;
      if (effects === "stubbed") return { ok: true, value: "null" as JsonText };
      this.#end = { kind: "call", type: error.type, ordinal: error.ordinal, message: messageOf(error) };
      // A call that is not answered and must not be: the handler is dropped.
      throw error;
    }
  }
}

function names(at: readonly Standing[]): string {
  return at.map(({ kind, name }) => `${kind} ${name}`).join(", ");
}

function unwatched(host: GenerationHost): ReplayEnd {
  return { kind: "lost", message: `the workflow host of generation ${host.generation.id} cannot follow a handler` };
}

/** The name of what the host raises when code between steps reaches outside. */
const OUTSIDE_STEP = "OutsideStep";

function endOf(end: RunEnd): ReplayEnd {
  switch (end.kind) {
    case "result":
      return { kind: "result", value: end.value };
    case "error":
      return { kind: end.failure.name === OUTSIDE_STEP ? "blocked" : "error", failure: end.failure };
    case "crashed":
      return { kind: "lost", message: end.failure.message };
    case "not_started":
      return { kind: "lost", message: end.reason };
    case "dropped":
      return { kind: "lost", message: "the handler was dropped" };
  }
}
