// A run session in memory: what the engine and its store would do, without either. Records everything, and lets a test wait for what the host says.
import { EventEmitter, once } from "node:events";
import type { RunId, TaskId } from "../../../src/core/ids.ts";
import { toJsonText, type JsonText } from "../../../src/core/json-text.ts";
import type { CallAnswer, CtxCall, RunSession, RunStart, StepWrite, SuspendAnswer } from "../../../src/ports/host.ts";
import type { LogLine, Recorded, WaitRequest } from "../../../src/ports/store-types.ts";

type Line = Pick<LogLine, "level" | "source" | "message" | "fields">;

export class MemorySession implements RunSession {
  readonly steps: StepWrite[] = [];
  readonly waits: WaitRequest[] = [];
  readonly calls: CtxCall[] = [];
  readonly lines: Line[] = [];
  readonly metrics: unknown[] = [];
  readonly #events = new EventEmitter();
  onSuspend: (waits: readonly WaitRequest[]) => SuspendAnswer = () => ({ suspended: true });
  onCall: (call: CtxCall) => CallAnswer = () => ({ ok: true, value: "null" as JsonText });
  onStep: (write: StepWrite) => Awaited<ReturnType<RunSession["step"]>> = () => ({ ok: true });

  async step(write: StepWrite): ReturnType<RunSession["step"]> {
    this.steps.push(write);
    this.#events.emit("step", write);
    return this.onStep(write);
  }

  async suspend(waits: readonly WaitRequest[]): Promise<SuspendAnswer> {
    this.waits.push(...waits);
    return this.onSuspend(waits);
  }

  async call(call: CtxCall): Promise<CallAnswer> {
    this.calls.push(call);
    return this.onCall(call);
  }

  log(line: Line): void {
    this.lines.push(line);
    this.#events.emit("log", line);
  }

  metric(metric: unknown): void {
    this.metrics.push(metric);
  }

  /** The first line with this message, said already or still to come. */
  async logged(message: string): Promise<Line> {
    for (;;) {
      const found = this.lines.find((line) => line.message === message);
      if (found) return found;
      await once(this.#events, "log");
    }
  }

  get messages(): string[] {
    return this.lines.map((line) => line.message);
  }
}

let runs = 0;

/** What the engine would hand over for a first attempt. */
export function runOf(workflowName: string, input: unknown = {}, recorded: readonly Recorded[] = []): RunStart {
  runs += 1;
  const runId = `run-${runs}` as RunId;
  const taskId = `task-${runs}` as TaskId;
  return { runId, taskId, workflowName, attempt: 1, input: toJsonText(input), recorded };
}

export const NEVER: AbortSignal = new AbortController().signal;
