// The extended protocol on one process: hello, frames in both directions, and everything else it says as stray lines. Frames to the
// host are gathered and written once the answers of this turn are all in.
import { randomBytes } from "node:crypto";
import type { JsonText } from "../../src/core/json-text.ts";
import { decodeFrame, encodeFrame, type HostFrame, type RuntimeFrame } from "./frames.ts";
import { LineSplitter, LineTooLong, asUtf8 } from "./line-splitter.ts";
import { HostProcess, type ProcessEnd } from "./process.ts";

export interface SnapshotFiles {
  readonly manifest: string;
  readonly blobs: string;
}

/** Where HTTP answers of handlers are played from; the host tells new ones and does not write them. */
export interface HttpRecordings {
  readonly file: string;
  readonly mode: "once" | "all" | "none";
}

export interface LinkOptions {
  readonly interpreter: string;
  readonly hostScript: string;
  readonly env: Readonly<Record<string, string>>;
  readonly dirs: readonly string[];
  readonly allow: readonly string[] | null;
  readonly walkAll: boolean;
  /** Folders whose files are local tools. */
  readonly toolDirs: readonly string[];
  readonly snapshot: SnapshotFiles | null;
  readonly http: HttpRecordings | null;
}

export interface LinkEvents {
  readonly frame: (frame: HostFrame, raws: readonly JsonText[]) => void;
  /** A line that is not the host's word; `stream` tells where it came from. */
  readonly stray: (stream: "stdout" | "stderr", line: string) => void;
}

/** A run's captured output beyond this is cut off with a remark. */
const LOG_LIMIT_BYTES = 1_048_576;
const CAPTURE_LINE_LIMIT = 8_192;
/** Longest stray line that is passed on. */
const STRAY_LIMIT = 8_192;

export class HostLink {
  readonly #process: HostProcess;
  readonly #nonce = randomBytes(8).toString("hex");
  readonly #lines = new LineSplitter();
  readonly #errorLines = new LineSplitter();
  readonly #events: LinkEvents;
  #outbox: string[] = [];
  #broken: string | null = null;

  constructor(options: LinkOptions, events: LinkEvents) {
    this.#events = events;
    this.#process = new HostProcess({
      command: options.interpreter,
      args: [options.hostScript],
      env: options.env,
      onOutput: (chunk) => this.#read(this.#lines, chunk, this.#line),
      onErrors: (chunk) => this.#read(this.#errorLines, chunk, (line) => this.#stray("stderr", line)),
    });
    const { dirs, allow, walkAll, toolDirs, snapshot, http } = options;
    const hello = {
      type: "chiron.hello",
      protocol: 1,
      nonce: this.#nonce,
      dirs,
      allow,
      walk_all: walkAll,
      tool_dirs: toolDirs,
      snapshot,
      http,
      log_limit_bytes: LOG_LIMIT_BYTES,
      capture_line_limit: CAPTURE_LINE_LIMIT,
    };
    this.#process.write(`${JSON.stringify(hello)}\n`);
  }

  get pid(): number {
    return this.#process.pid;
  }

  get ended(): Promise<ProcessEnd> {
    return this.#process.ended;
  }

  /** Why the link gave its process up, if it did. */
  get broken(): string | null {
    return this.#broken;
  }

  send(frame: RuntimeFrame, raws?: readonly JsonText[]): void {
    // Not a microtask: a tick comes after all promises that one commit resolved, so their answers leave in one write.
    if (this.#outbox.length === 0) process.nextTick(() => this.#flush());
    this.#outbox.push(encodeFrame(this.#nonce, frame, raws));
  }

  kill(): void {
    this.#process.kill();
  }

  stderr(): string {
    return this.#process.stderr();
  }

  #flush(): void {
    const lines = this.#outbox;
    this.#outbox = [];
    this.#process.write(lines.length === 1 ? lines[0]! : lines.join(""));
  }

  #read(splitter: LineSplitter, chunk: Buffer, each: (line: string) => void): void {
    if (this.#broken !== null) return;
    try {
      splitter.push(chunk, each);
    } catch (error) {
      if (!(error instanceof LineTooLong)) throw error;
      this.#broken = error.message;
      this.#process.kill();
    }
  }

  readonly #line = (line: string): void => {
    const decoded = decodeFrame(line, this.#nonce);
    if (decoded) this.#events.frame(decoded.frame, decoded.raws);
    else this.#stray("stdout", line);
  };

  #stray(stream: "stdout" | "stderr", line: string): void {
    if (line !== "") this.#events.stray(stream, asUtf8(line.slice(0, STRAY_LIMIT)));
  }
}
