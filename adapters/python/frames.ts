// The frames of the extended protocol (docs/host-protocol.md): `<nonce><header JSON>[\t<raw JSON text>]*`. Raw texts are neither parsed
// nor made here. Only a line with the nonce is a frame.
import type { JsonText } from "../../src/core/json-text.ts";
import type { RunStubs } from "../../src/ports/host.ts";
import type { CheckpointKind } from "../../src/ports/store-types.ts";
import type { LogLine, WaitRequest } from "../../src/ports/store-types.ts";

export interface HostWait {
  readonly step: string;
  /** `step` only of a watched run: it stands at a step that is not recorded. */
  readonly kind: WaitRequest["kind"] | "step";
  readonly target: string | null;
  readonly delay_ms: number | null;
  readonly until_ms?: number;
  readonly pos?: string;
}

/** What the host says about one run. `q` numbers a request that wants an answer. */
export type RunFrame =
  | {
      readonly t: "put";
      readonly r: number;
      readonly q: number;
      readonly step: string;
      readonly ms: number;
      readonly pos?: string;
    }
  | { readonly t: "suspend"; readonly r: number; readonly q: number; readonly waits: readonly HostWait[] }
  | {
      readonly t: "call";
      readonly r: number;
      readonly q: number;
      readonly type: string;
      readonly ordinal: string;
      readonly local?: LocalToolHeader;
    }
  /** A watched run reached a recorded name. */
  | {
      readonly t: "reached";
      readonly r: number;
      readonly step: string;
      readonly kind: HostWait["kind"];
      readonly pos?: string;
    }
  /** Nobody waits for this call any more. */
  | { readonly t: "abandon"; readonly r: number; readonly q: number }
  | TooledFrame
  | {
      readonly t: "metric";
      readonly r: number;
      readonly kind: MetricKind;
      readonly name: string;
      readonly value: number;
    }
  | { readonly t: "result"; readonly r: number }
  | {
      readonly t: "error";
      readonly r: number;
      readonly name: string;
      readonly message: string;
      readonly retryable: boolean;
    }
  | { readonly t: "ended"; readonly r: number }
  | LogFrame;

/** What the asking process knows of the tool itself. */
export interface LocalToolHeader {
  readonly path: string;
  readonly methods: readonly string[];
  /** Why the file cannot be called. */
  readonly problem?: string;
}

/** A local tool's answer: to call `q` of run `r`, or to the runtime's own `tool` without a run. */
export interface TooledFrame {
  readonly t: "tooled";
  readonly r: number | null;
  readonly q: number;
  readonly ok: boolean;
  readonly error: string;
}

export type MetricKind = "counter" | "gauge" | "histogram";

export interface LogFrame {
  readonly t: "log";
  /** null: no run was current. */
  readonly r: number | null;
  readonly level: LogLine["level"];
  readonly source: LogLine["source"];
  readonly message: string;
  readonly file?: string;
}

/** What the host says about itself. */
export type ProcessFrame =
  | { readonly t: "ready"; readonly pid: number; readonly python: string; readonly asyncpg: boolean }
  | { readonly t: "discovery"; readonly ms: number }
  | { readonly t: "pong"; readonly at: number; readonly frozen?: number }
  | { readonly t: "stall"; readonly ms: number; readonly r: number | null; readonly where: string }
  | { readonly t: "unstall"; readonly ms: number }
  | { readonly t: "importing"; readonly path: string }
  /** A handler got an HTTP answer that is to be kept: the raw text. */
  | { readonly t: "http" }
  | { readonly t: "host_error"; readonly message: string; readonly traceback?: string };

export type HostFrame = RunFrame | ProcessFrame;

export interface DiscoverOptions {
  /** Which path keeps a name that several files declare. */
  readonly prefer?: Readonly<Record<string, string>>;
  /** Files that ended a process while they were imported, with how it ended: reported, not imported again. */
  readonly skip?: Readonly<Record<string, string>>;
}

/** What the runtime says. */
export type RuntimeFrame =
  | ({ readonly t: "discover" } & DiscoverOptions)
  | {
      readonly t: "start";
      readonly r: number;
      readonly run_id: string;
      readonly task_id: string;
      readonly workflow_name: string;
      readonly attempt: number;
      readonly names: readonly string[];
      readonly kinds: readonly CheckpointKind[];
      readonly stubs?: RunStubs;
      readonly watch?: { readonly live: boolean };
    }
  | { readonly t: "ok"; readonly r: number; readonly q: number }
  | { readonly t: "no"; readonly r: number; readonly q: number; readonly error: string }
  | { readonly t: "kept"; readonly r: number; readonly q: number; readonly kind: CheckpointKind }
  | {
      readonly t: "resolved";
      readonly r: number;
      readonly q: number;
      readonly steps: readonly string[];
      readonly kinds: readonly (CheckpointKind | "run")[];
    }
  | { readonly t: "frozen" | "drop" | "cancel"; readonly r: number }
  /** Perform your call `q` with the local tool it names. */
  | { readonly t: "tool"; readonly r: number; readonly q: number }
  /** Call a local tool for nobody's run. */
  | { readonly t: "tool"; readonly r: null; readonly q: number; readonly tool: string; readonly method: string }
  | { readonly t: "ping"; readonly at: number }
  | { readonly t: "exit" };

const NO_RAWS: readonly JsonText[] = [];

/** A line's header and raw texts, or null when it is not a frame: another writer's words. */
export function decodeFrame(line: string, nonce: string): { frame: HostFrame; raws: readonly JsonText[] } | null {
  if (!line.startsWith(nonce)) return null;
  const tab = line.indexOf("\t", nonce.length);
  let frame: unknown;
  try {
    frame = JSON.parse(tab < 0 ? line.slice(nonce.length) : line.slice(nonce.length, tab));
  } catch {
    return null;
  }
  if (typeof frame !== "object" || frame === null || !("t" in frame)) return null;
  return { frame: frame as HostFrame, raws: tab < 0 ? NO_RAWS : (line.slice(tab + 1).split("\t") as JsonText[]) };
}

/** A frame as a line with its newline. */
export function encodeFrame(nonce: string, frame: RuntimeFrame, raws: readonly JsonText[] = NO_RAWS): string {
  let line = nonce + JSON.stringify(frame);
  for (const raw of raws) line += "\t" + onOneLine(raw);
  return line + "\n";
}

const BREAKS = /[\t\n\r]/;
const LONE_SURROGATES = /[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/g;

/** The same JSON value without a raw tab or line break, and able to pass through UTF-8. Inside a string JSON allows neither, so any there is white space. */
export function onOneLine(raw: JsonText): string {
  const line = BREAKS.test(raw) ? raw.replace(/[\t\n\r]/g, " ") : raw;
  if (line.isWellFormed()) return line;
  return line.replace(LONE_SURROGATES, (unit) => `\\u${unit.charCodeAt(0).toString(16)}`);
}
