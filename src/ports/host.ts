// The workflow host: what runs a workflow folder's code. The engine hands it one claimed run and a session to call back; how many
// processes stand behind it, and in which language, is the adapter's business.
import type { RunId, TaskId } from "../core/ids.ts";
import type { JsonText } from "../core/json-text.ts";
import type { CheckpointKind, Failure, LogLine, Recorded, WaitRequest } from "./store-types.ts";

/** One folder tree's code at one moment, never changed. */
export interface Generation {
  /** Hash over every file of it. */
  readonly id: string;
}

export interface DiscoveredWorkflow {
  readonly workflowName: string;
  /** Absolute. */
  readonly sourcePath: string;
  /** As the file declares them, normalised by the host to plain data; checked by the catalog. */
  readonly webhooks: readonly unknown[];
  readonly schedule: unknown;
  /** What CRON or INTERVAL of the first version say, in SCHEDULE's words, where the file has no SCHEDULE. */
  readonly v1Schedule?: unknown;
  /** Where the file declares them, when the host tells: what is wrong with them is shown there. */
  readonly lines?: { readonly webhook?: number; readonly schedule?: number };
  readonly principal: true | string | null;
  /** The Input dataclass as JSON Schema, or null when the file has none. */
  readonly inputSchema: JsonText | null;
  /** First line of the handler's or module's docstring. */
  readonly description: string | null;
}

/** Something in a file that keeps it, or a part of it, from serving. */
export interface Problem {
  /** Where the mistake is. */
  readonly path: string;
  /** The workflow file that does not serve because of it, where that is another one: a helper module's error. */
  readonly sourcePath?: string;
  readonly line: number | null;
  /** syntax, import, duplicate_name, no_handler, name_mismatch, webhook, schedule, encoding, removed … */
  readonly kind: string;
  readonly message: string;
  readonly severity: "error" | "warning";
  readonly traceback?: string;
  /** The workflow it concerns, where the file says. */
  readonly workflowName?: string;
}

export interface Discovery {
  readonly generation: Generation;
  /** The workflow folders as the code knows them: absolute, resolved. */
  readonly dirs: readonly string[];
  readonly workflows: readonly DiscoveredWorkflow[];
  readonly problems: readonly Problem[];
  /** Local tools; a host that knows none leaves them away. */
  readonly tools?: readonly DiscoveredTool[];
  /** Every file of the folders and every other one the workflows imported that is not the standard library or a third-party package: absolute path -> sha256. */
  readonly files: ReadonlyMap<string, string>;
  /** How long the code took to load, in ms. */
  readonly ms: number;
}

export interface RunStart {
  readonly runId: RunId;
  readonly taskId: TaskId;
  readonly workflowName: string;
  readonly attempt: number;
  readonly input: JsonText;
  readonly recorded: readonly Recorded[];
  /** Of tests and replays; a host that knows none runs everything as it is. */
  readonly stubs?: RunStubs;
}

/** What stands in for parts of an attempt's own code. */
export interface RunStubs {
  /** By step name (`name`, or `name#2` for its second use): the body is not run, and this is recorded as its outcome. */
  readonly steps?: Readonly<Record<string, StepStub>>;
  /** HTTP requests of the handler that the first fitting one answers; with any here, a request that none fits fails. */
  readonly http?: readonly HttpStub[];
}

export type StepStub =
  | { readonly result: unknown }
  | {
      readonly error: {
        readonly message: string;
        /** Name of the exception; RuntimeError when absent. */
        readonly type?: string | undefined;
        readonly retryable?: boolean | undefined;
      };
    };

export interface HttpStub {
  /** Absent: any. */
  readonly method?: string | undefined;
  /** The whole address, without a query any query; a `*` at the end stands for everything that follows. */
  readonly url: string;
  readonly status?: number | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** A text as it is, anything else as JSON. */
  readonly body?: unknown;
}

export interface StepWrite {
  readonly name: string;
  readonly value: JsonText;
  readonly durationMs: number;
  readonly position?: string;
}

/** ok: durable, go on. A kept value is what the handler must see instead of its own. gone: stop, the claim is lost or cancelled. */
export type StepAnswer =
  | { readonly ok: true; readonly kept?: Recorded }
  | { readonly ok: false; readonly gone: string };

export type SuspendAnswer =
  | { readonly suspended: true }
  | {
      readonly suspended: false;
      readonly resolved: readonly { readonly name: string; readonly kind: CheckpointKind; readonly value: JsonText }[];
    }
  | { readonly gone: string };

export type CallAnswer =
  | { readonly ok: true; readonly value: JsonText }
  | { readonly ok: false; readonly error: string };

/** A ctx request that is neither a step nor a wait. */
export interface CtxCall {
  /** The wire name, e.g. `ctx.agent_turn`. */
  readonly type: string;
  /** Tells calls of one kind in a task apart, equal on every replay (decision D9). */
  readonly ordinal: string;
  /** The arguments as one JSON object. */
  readonly args: JsonText;
  /** Of ctx.call_tool: what the asking process's own code has under the tool's name. */
  readonly local?: LocalTool;
  /** Aborts when the handler has given up waiting for the answer. */
  readonly signal?: AbortSignal;
}

/** A file of a `tools` folder, as the process that makes a call has loaded it. */
export interface LocalTool {
  /** Absolute. */
  readonly path: string;
  readonly methods: readonly string[];
  /** Why the file cannot be called, if it cannot. */
  readonly problem: string | null;
  /** Runs the call there, as code of the run. Rejects with what the tool raised, or when the run ends first. */
  perform(): Promise<JsonText>;
}

export interface DiscoveredTool {
  readonly name: string;
  /** Absolute. */
  readonly path: string;
  readonly description: string | null;
  readonly methods: readonly {
    readonly name: string;
    readonly line: number;
    readonly signature: string;
    readonly description: string | null;
  }[];
  /** Why it cannot be called, if it cannot. */
  readonly problem: string | null;
}

/** A recorded name that a watched handler reached, and what it uses it as. */
export interface Reached {
  readonly name: string;
  readonly kind: "step" | WaitRequest["kind"];
  readonly position: string | null;
}

/** Something unrecorded at which a watched handler stands: a step whose body has not begun, or a wait. */
export interface Standing extends Reached {
  /** The event's name, or the awaited task's id. */
  readonly target: string | null;
}

/** `run`: the step's body runs and is written by `step`. Others give the outcome without it. */
export type Way =
  | { readonly name: string; readonly kind: "run" }
  | { readonly name: string; readonly kind: CheckpointKind; readonly value: JsonText };

/** gone: the handler's code does not go on. refused: everything it stands at fails with this message. */
export type StandingAnswer =
  | { readonly gone: string }
  | { readonly refused: string }
  | { readonly ways: readonly Way[] };

/** Follows an attempt step by step instead of only hearing of what is new. Code between its steps then reaches nothing outside. */
export interface RunWatch {
  /** Steps that are not recorded may run for real, with the database. */
  readonly live: boolean;
  reached(step: Reached): void;
  /** Every branch of the handler stands at something that is not recorded. Asked instead of `suspend`. */
  stands(at: readonly Standing[]): Promise<StandingAnswer>;
}

/** What the engine offers to one running attempt. */
export interface RunSession {
  /** Only for a host that `watches`. */
  readonly watch?: RunWatch;
  step(write: StepWrite): Promise<StepAnswer>;
  suspend(waits: readonly WaitRequest[]): Promise<SuspendAnswer>;
  call(call: CtxCall): Promise<CallAnswer>;
  log(line: Pick<LogLine, "level" | "source" | "message" | "fields">): void;
  metric(metric: {
    readonly kind: "counter" | "gauge" | "histogram";
    readonly name: string;
    readonly value: number;
    readonly labels: JsonText;
  }): void;
}

export type RunEnd =
  | { readonly kind: "result"; readonly value: JsonText }
  | { readonly kind: "error"; readonly failure: Failure; readonly retryable: boolean }
  /** The session answered suspended or gone, or the run's signal aborted; the handler's code does not go on. */
  | { readonly kind: "dropped" }
  /** The process ended under the run. blame false: another run of the same process may be the cause, so this one is given back. */
  | { readonly kind: "crashed"; readonly failure: Failure; readonly blame: boolean }
  /** No process took the run: it was not started and may be given back. */
  | { readonly kind: "not_started"; readonly reason: string };

/** The host processes of one generation. */
export interface GenerationHost {
  readonly generation: Generation;
  /** Whether an attempt can be watched here (RunSession.watch). */
  readonly watches?: boolean;
  /** Runs one attempt to its end. Aborting the signal stops it within a bounded time. Never rejects. */
  run(start: RunStart, session: RunSession, signal: AbortSignal): Promise<RunEnd>;
  /** Calls a local tool outside every run. Absent: this host has none. Rejects with ChironError. */
  callTool?(tool: string, method: string, args: JsonText): Promise<JsonText>;
  /** Lets running attempts finish, starts no new ones, then ends the processes. */
  retire(): Promise<void>;
  /** Ends the processes now. */
  kill(): Promise<void>;
}

export interface HostStatus {
  readonly pid: number;
  readonly generation: string;
  readonly activeRuns: number;
  readonly stalledMs: number;
}

export interface LoadOptions {
  readonly unless?: string;
  /** Which file keeps a name that two files declare: workflow name -> path (decision D5: the one already serving). Sent with `discover`. */
  readonly prefer?: ReadonlyMap<string, string>;
}

/** A generation as it was served once: what makes it run again, whatever the folders hold now. */
export interface KeptGeneration {
  readonly id: string;
  readonly dirs: readonly string[];
  /** Absolute path -> sha256. */
  readonly files: Readonly<Record<string, string>>;
  /** Workflow name -> path of the file that serves it. */
  readonly workflows: Readonly<Record<string, string>>;
}

/** Gives the content of files by sha256; what it does not have it leaves out. */
export type Sources = (
  hashes: readonly string[],
) => Promise<readonly { readonly sha256: string; readonly content: Uint8Array }[]>;

/** Makes generations out of workflow folders. */
export interface WorkflowHost {
  /** Loads the folders as they are now in fresh processes. Null: their content is that of generation `unless`, nothing was started. Rejects with ChironError host_failed when no discovery came back. */
  load(options?: LoadOptions): Promise<{ readonly discovery: Discovery; readonly host: GenerationHost } | null>;
  /**
   * Loads a generation that was served before, under its own id, from what was kept of it. Absent: this host runs only what the folders
   * hold. Rejects with ChironError not_found when content of it is missing, host_failed when no discovery came back.
   */
  open?(
    kept: KeptGeneration,
    sources: Sources,
  ): Promise<{ readonly discovery: Discovery; readonly host: GenerationHost }>;
  /** The content of a file of a generation that was loaded here; null: it is not there any more. */
  source(sha256: string, path: string): Promise<Uint8Array | null>;
  status(): readonly HostStatus[];
  /** The interpreter, for doctor and the start-up lines. */
  interpreter(): Promise<{ readonly path: string; readonly version: string }>;
  close(): Promise<void>;
}
