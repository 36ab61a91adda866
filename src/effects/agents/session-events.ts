// What the event stream of one execution has told so far, whatever it repeats and in whatever order: each event counts once, and lines
// stand in the order of their ids.
import { isObject } from "../arguments.ts";
import { Output } from "./output.ts";
import type { ServerSentEvent } from "./server-sent-events.ts";

export interface SessionEnd {
  readonly event: "session.execution_completed" | "session.execution_failed" | "session.execution_cancelled";
  /** The event's data where it is an object. */
  readonly data: Readonly<Record<string, unknown>>;
  readonly text: string;
}

/** Events before the newest that are asked for again after a break: one that was overtaken is not lost. */
const OVERLAP = 16;
const ENDS: readonly string[] = [
  "session.execution_completed",
  "session.execution_failed",
  "session.execution_cancelled",
];

export class SessionEvents {
  readonly #executionId: string;
  readonly #output: Output;
  readonly #seen = new Set<string>();
  readonly #recent: string[] = [];
  #lines: { readonly id: number | null; readonly text: string }[] = [];
  #end: SessionEnd | null = null;
  #complaint: string | null = null;
  #unnumbered = false;

  constructor(executionId: string, maxOutputBytes: number, line: (text: string) => void) {
    this.#executionId = executionId;
    this.#output = new Output(maxOutputBytes, line);
  }

  get end(): SessionEnd | null {
    return this.#end;
  }

  /** What the service last said about the stream itself. */
  get complaint(): string | null {
    return this.#complaint;
  }

  /** Where a new connection begins; null: at the beginning of the execution. */
  resumeAfter(): string | null {
    if (!this.#unnumbered) return this.#recent[0] ?? null;
    // Without ids nothing tells a repeated line from a new one: it is all told again.
    this.#lines = [];
    this.#output.restart();
    return null;
  }

  /** Takes one event; false when it was known or is somebody else's. Throws ChironError when the output passes its limit. */
  take({ event, data, id }: ServerSentEvent): boolean {
    if (event === "session.stream_error") {
      this.#complaint = data;
      return false;
    }
    if (id !== null && this.#seen.has(id)) return false;
    if (id !== null) this.#note(id);
    if (event === "session.output.line") {
      this.#unnumbered ||= id === null;
      this.#output.line(data);
      this.#lines.push({ id: id !== null && /^\d+$/.test(id) ? Number(id) : null, text: data });
      return true;
    }
    if (ENDS.includes(event)) return this.#ends(event as SessionEnd["event"], data);
    return true;
  }

  /** All lines, in the order of their ids where every one has a number. */
  lines(): string[] {
    const numbered = this.#lines.every((line) => line.id !== null);
    const ordered = numbered ? this.#lines.toSorted((a, b) => a.id! - b.id!) : this.#lines;
    return ordered.map((line) => line.text);
  }

  #note(id: string): void {
    this.#seen.add(id);
    this.#recent.push(id);
    if (this.#recent.length > OVERLAP) this.#recent.shift();
  }

  #ends(event: SessionEnd["event"], text: string): boolean {
    const data = objectOf(text);
    const about = data["execution_id"];
    // A thread has many executions one after the other.
    if (typeof about === "string" && about !== this.#executionId) return false;
    this.#end ??= { event, data, text };
    return true;
  }
}

function objectOf(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : {};
  } catch {
    return {};
  }
}
