// One attempt on one process of a baseline host. A wait ends it: no answer, its input closed, SIGKILL (reference behaviour, section 1.6).
import { NULL_JSON, sliceMembers, toJsonText } from "../../src/core/json-text.ts";
import type { RunEnd, RunSession, RunStart } from "../../src/ports/host.ts";
import { BaselineRequests } from "./baseline-requests.ts";
import { crashFailure } from "./crash.ts";
import { onOneLine } from "./frames.ts";
import { LineSplitter, LineTooLong, asUtf8 } from "./line-splitter.ts";
import type { HostProcess, ProcessOptions } from "./process.ts";

export type Launch = (options: Pick<ProcessOptions, "onOutput" | "onErrors">) => HostProcess;

/** A process that has told its result may use this long to end in order. */
const EXIT_MS = 2_000;
/** Of one attempt's error stream. */
const LOG_LIMIT = 1_048_576;
const LINE_LIMIT = 8_192;

export class BaselineRun {
  readonly #start: RunStart;
  readonly #session: RunSession;
  readonly #requests: BaselineRequests;
  readonly #process: HostProcess;
  readonly #lines = new LineSplitter();
  readonly #errorLines = new LineSplitter();
  readonly #end = Promise.withResolvers<RunEnd>();
  #queue: string[] = [];
  #serving = false;
  #over = false;
  #logLeft = LOG_LIMIT;

  constructor(launch: Launch, start: RunStart, session: RunSession) {
    this.#start = start;
    this.#session = session;
    this.#requests = new BaselineRequests(start.recorded, session);
    this.#process = launch({
      onOutput: (chunk) => this.#read(chunk),
      onErrors: (chunk) => this.#errorLines.push(chunk, (line) => this.#log(line)),
    });
  }

  /** Runs to the end; aborting the signal ends the process at once, because the protocol has no word for it. */
  async run(signal: AbortSignal): Promise<RunEnd> {
    const stop = (): void => this.#stop({ kind: "dropped" });
    signal.addEventListener("abort", stop, { once: true });
    const { runId, taskId, workflowName, input } = this.#start;
    const head = { type: "workflow.start", run_id: runId, task_id: taskId, workflow_name: workflowName };
    this.#process.write(`${toJsonText(head).slice(0, -1)},"input":${onOneLine(input)}}\n`);
    void this.#process.ended.then(async (end) => {
      // What it said before it ended counts, also a last line without its newline.
      const last = asUtf8(this.#lines.rest());
      if (parseObject(last)) this.#queue.push(last);
      await this.#serve();
      const { pid } = this.#process;
      const failure = crashFailure(end, { pid, broken: null, byUs: end.killed, guilty: false });
      this.#finish({ kind: "crashed", failure, blame: !end.killed });
    });
    try {
      return await this.#end.promise;
    } finally {
      signal.removeEventListener("abort", stop);
    }
  }

  kill(): void {
    this.#process.kill();
  }

  get ended(): Promise<unknown> {
    return this.#process.ended;
  }

  get pid(): number {
    return this.#process.pid;
  }

  #read(chunk: Buffer): void {
    if (this.#over) return;
    try {
      this.#lines.push(chunk, (line) => this.#queue.push(asUtf8(line)));
    } catch (error) {
      if (!(error instanceof LineTooLong)) throw error;
      return this.#fail(error.message);
    }
    void this.#serve();
  }

  /** Strictly in order: the next line is looked at when the one before is answered. */
  async #serve(): Promise<void> {
    if (this.#serving) return;
    this.#serving = true;
    for (let line = this.#queue.shift(); line !== undefined && !this.#over; line = this.#queue.shift()) {
      if (line.trim() !== "") await this.#line(line).catch((error: unknown) => this.#fail(String(error)));
    }
    this.#serving = false;
  }

  async #line(line: string): Promise<void> {
    const message = parseObject(line);
    if (!message) return this.#fail(`the host wrote a line that is not JSON: ${line.slice(0, 200)}`);
    const type = String(message["type"]);
    if (type === "workflow.result") {
      return this.#finish({ kind: "result", value: sliceMembers(line).get("result") ?? NULL_JSON });
    }
    if (type === "workflow.error" || type === "host.error") return this.#failed(message);
    if (!type.startsWith("ctx.")) return this.#fail(`unexpected Python workflow host message type ${type}`);
    if (this.#requests.notify(type, line)) return;
    const id = JSON.stringify(message["request_id"] ?? null);
    const reply = await this.#requests.serve(type, line);
    if (this.#over) return;
    if (reply.kind === "stop") return this.#stop({ kind: "dropped" });
    if (reply.kind === "fatal") return this.#fail(reply.message);
    const rest =
      reply.kind === "value" ? `true,"value":${onOneLine(reply.value)}` : `false,"error":${toJsonText(reply.error)}`;
    this.#process.write(`{"type":"ctx.response","request_id":${id},"ok":${rest}}\n`);
  }

  #failed(message: Record<string, unknown>): void {
    const traceback = [message["traceback"], this.#process.stderr() && `stderr:\n${this.#process.stderr()}`];
    this.#fail(
      `Python workflow host error: ${String(message["message"])}`,
      traceback.filter((part) => typeof part === "string" && part !== "").join("\n"),
    );
  }

  #fail(message: string, traceback = ""): void {
    const failure = { name: "Error", message, ...(traceback ? { traceback } : {}) };
    this.#stop({ kind: "error", failure, retryable: true });
  }

  #stop(end: RunEnd): void {
    this.#finish(end);
    this.#process.kill();
  }

  #finish(end: RunEnd): void {
    if (this.#over) return;
    this.#over = true;
    this.#queue = [];
    this.#end.resolve(end);
    this.#process.closeInput();
    const timer = setTimeout(() => this.#process.kill(), EXIT_MS);
    void this.#process.ended.then(() => clearTimeout(timer));
  }

  #log(line: string): void {
    if (line === "" || this.#logLeft < 0) return;
    this.#logLeft -= line.length;
    this.#session.log({ level: "warn", source: "stderr", message: asUtf8(line.slice(0, LINE_LIMIT)), fields: null });
  }
}

/** A line as a JSON object, or null. */
export function parseObject(line: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null;
  } catch {
    return null;
  }
}
