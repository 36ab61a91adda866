// One run on one process, from its start frame to its end: what the host asks goes to the engine's session, the answers go back.
// Which process, and what its death means, is the pool's affair.
import { ChironError, messageOf } from "../../src/core/errors.ts";
import { NULL_JSON, parseJson, type JsonText } from "../../src/core/json-text.ts";
import type { CtxCall, RunEnd, RunSession, RunStart, RunWatch } from "../../src/ports/host.ts";
import type { WaitRequest } from "../../src/ports/store-types.ts";
import { LocalCalls } from "./local-calls.ts";
import type { HostWait, LogFrame, RunFrame, RuntimeFrame } from "./frames.ts";

type Send = (frame: RuntimeFrame, raws?: readonly JsonText[]) => void;
type Put = Extract<RunFrame, { t: "put" }>;
type Call = Extract<RunFrame, { t: "call" }>;
type Suspend = Extract<RunFrame, { t: "suspend" }>;

const DROPPED: RunEnd = { kind: "dropped" };

export class RunChannel {
  readonly number: number;
  readonly start: RunStart;
  readonly ended: Promise<RunEnd>;
  readonly #session: RunSession;
  readonly #send: Send;
  readonly #settle: (end: RunEnd) => void;
  readonly #local = new LocalCalls();
  /** Calls without an answer yet, by number. */
  readonly #calls = new Map<number, AbortController>();
  #over = false;
  #cancelled = false;
  #left = false;

  constructor(number: number, start: RunStart, session: RunSession, send: Send) {
    this.number = number;
    this.start = start;
    this.#session = session;
    this.#send = send;
    const { promise, resolve } = Promise.withResolvers<RunEnd>();
    this.ended = promise;
    this.#settle = resolve;
  }

  /** Whether the abort of its signal has been passed on. */
  get cancelled(): boolean {
    return this.#cancelled;
  }

  /** Whether the host keeps the run's frozen coroutines until its process ends. */
  get left(): boolean {
    return this.#left;
  }

  begin(): void {
    const { runId, taskId, workflowName, attempt, input, recorded, stubs } = this.start;
    const { watch } = this.#session;
    const frame: RuntimeFrame = {
      t: "start",
      r: this.number,
      run_id: runId,
      task_id: taskId,
      workflow_name: workflowName,
      attempt,
      names: recorded.map((one) => one.name),
      kinds: recorded.map((one) => one.kind),
      ...(stubs ? { stubs } : {}),
      ...(watch ? { watch: { live: watch.live } } : {}),
    };
    this.#send(frame, [input, ...recorded.map((one) => one.value)]);
  }

  cancel(): void {
    if (this.#over || this.#cancelled) return;
    this.#cancelled = true;
    this.#send({ t: "cancel", r: this.number });
  }

  /** The end that is not the host's own word: its process is gone. The first end stands. */
  finish(end: RunEnd): void {
    if (this.#over) return;
    this.#over = true;
    this.#local.end("the run ended before its tool did");
    this.#settle(this.#cancelled ? DROPPED : end);
  }

  /** A frame of this run. */
  receive(frame: RunFrame, raws: readonly JsonText[]): void {
    if (this.#over) return;
    switch (frame.t) {
      case "put":
        return this.#ask(this.#put(frame, raws[0] ?? NULL_JSON));
      case "suspend":
        return this.#ask(this.#suspend(frame));
      case "call":
        return this.#ask(this.#call(frame, raws[0] ?? ("{}" as JsonText)));
      case "reached":
        return this.#session.watch?.reached({ name: frame.step, kind: frame.kind, position: frame.pos ?? null });
      case "abandon":
        return this.#calls.get(frame.q)?.abort("ended");
      case "tooled":
        return this.#local.answered(frame, raws[0]);
      case "log":
        return this.log(frame, raws[0] ?? null);
      case "metric": {
        const { kind, name, value } = frame;
        return this.#session.metric({ kind, name, value, labels: raws[0] ?? ("{}" as JsonText) });
      }
      case "result":
        return this.finish({ kind: "result", value: raws[0] ?? NULL_JSON });
      case "error":
        return this.finish(failed(frame, raws[0]));
      case "ended":
        return this.finish(DROPPED);
    }
  }

  log({ level, source, message }: Pick<LogFrame, "level" | "source" | "message">, fields: JsonText | null): void {
    this.#session.log({ level, source, message, fields });
  }

  /** The engine could not answer: nothing of this run may go on as if it had. */
  #ask(answering: Promise<void>): void {
    answering.catch((error: unknown) => {
      if (this.#over) return;
      this.log({ level: "error", source: "chiron", message: `stopped: ${messageOf(error)}` }, null);
      this.#leave("drop");
    });
  }

  async #put({ q, step, ms, pos }: Put, value: JsonText): Promise<void> {
    const write = { name: step, value, durationMs: ms };
    const answer = await this.#session.step(pos === undefined ? write : { ...write, position: pos });
    if (this.#over) return;
    if (!answer.ok) this.#leave("drop");
    else if (answer.kept === undefined) this.#send({ t: "ok", r: this.number, q });
    else this.#send({ t: "kept", r: this.number, q, kind: answer.kept.kind }, [answer.kept.value]);
  }

  async #suspend({ q, waits }: Suspend): Promise<void> {
    if (this.#session.watch) return this.#stand(q, waits, this.#session.watch);
    const answer = await this.#session.suspend(waits.map(toWaitRequest));
    if (this.#over) return;
    if ("gone" in answer) return this.#leave("drop");
    if (answer.suspended) return this.#leave("frozen");
    const { resolved } = answer;
    const steps = resolved.map((one) => one.name);
    const kinds = resolved.map((one) => one.kind);
    this.#send(
      { t: "resolved", r: this.number, q, steps, kinds },
      resolved.map((one) => one.value),
    );
  }

  async #stand(q: number, waits: readonly HostWait[], watch: RunWatch): Promise<void> {
    const answer = await watch.stands(
      waits.map(({ step, kind, target, pos }) => ({ name: step, kind, target, position: pos ?? null })),
    );
    if (this.#over) return;
    if ("gone" in answer) return this.#leave("drop");
    if ("refused" in answer) return this.#send({ t: "no", r: this.number, q, error: answer.refused });
    const { ways } = answer;
    const steps = ways.map((way) => way.name);
    const kinds = ways.map((way) => way.kind);
    this.#send(
      { t: "resolved", r: this.number, q, steps, kinds },
      ways.map((way) => (way.kind === "run" ? NULL_JSON : way.value)),
    );
  }

  async #call(frame: Call, args: JsonText): Promise<void> {
    const { q, type, ordinal } = frame;
    const patience = new AbortController();
    this.#calls.set(q, patience);
    const call = { type, ordinal, args, signal: patience.signal, ...this.#localOf(frame) };
    const answer = await this.#session.call(call).finally(() => this.#calls.delete(q));
    if (this.#over) return;
    if (answer.ok) this.#send({ t: "ok", r: this.number, q }, [answer.value]);
    else this.#send({ t: "no", r: this.number, q, error: answer.error });
  }

  #localOf({ q, local }: Call): Pick<CtxCall, "local"> {
    if (!local) return {};
    const perform = (): Promise<JsonText> => this.#local.ask(q, () => this.#send({ t: "tool", r: this.number, q }));
    return { local: { path: local.path, methods: local.methods, problem: local.problem ?? null, perform } };
  }

  /** Takes the run away from a process that does not answer. Should its loop ever move again, this code does not. */
  abandon(end: RunEnd): void {
    if (!this.#over) this.#leave("drop", end);
  }

  /** The handler's code does not go on; what it holds stays in the process until that ends. */
  #leave(how: "frozen" | "drop", end: RunEnd = DROPPED): void {
    this.#left = true;
    this.#send({ t: how, r: this.number });
    this.finish(end);
  }
}

function toWaitRequest({ step, kind, target, delay_ms, until_ms }: HostWait): WaitRequest {
  if (kind === "step") throw new ChironError("internal", `step ${step} asked to be suspended in a run nobody watches`);
  const wait = { step, kind, target, delayMs: delay_ms };
  return until_ms === undefined ? wait : { ...wait, untilMs: until_ms };
}

function failed(frame: Extract<RunFrame, { t: "error" }>, traceback: JsonText | undefined): RunEnd {
  const { name, message, retryable } = frame;
  const text = traceback === undefined ? null : parseJson(traceback);
  const failure = typeof text === "string" ? { name, message, traceback: text } : { name, message };
  return { kind: "error", failure, retryable };
}
