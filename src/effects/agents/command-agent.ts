// The backend `command`: a program on this machine does the turn, such as `codex exec` or `claude -p`. It is a new process for each turn
// and cannot be found again: after a restart of the runtime the turn runs once more, with the same key in CHIRON_EXECUTION_KEY.
import { ChironError } from "../../core/errors.ts";
import type { Clock } from "../../ports/clock.ts";
import type { AgentAnswer, AgentBackend, AgentTurn, TurnWatch } from "./backend.ts";
import { startProgram, type Program, type ProgramEnd } from "./command-process.ts";
import { Output } from "./output.ts";
import { failureIn, resultTextOf } from "./result-text.ts";
import type { CommandSettings } from "./settings.ts";
import { startTimeLimits, type TimeLimits } from "./time-limits.ts";

/** Of the error stream, in a failure. */
const SHOWN_ERRORS = 2_000;
/** Where `model_arguments` go; at the end when the command does not say. */
const MODEL_PLACE = "{model_arguments}";

/** A backend that runs `settings.command` for each turn. */
export function createCommandAgent(
  name: string,
  settings: CommandSettings,
  maxOutputBytes: number,
  clock: Clock,
): AgentBackend {
  return {
    nature: "real",
    by: `command ${settings.command[0]}`,
    turn: (turn, watch) => runTurn({ name, settings, maxOutputBytes, clock }, turn, watch),
  };
}

interface CommandDeps {
  readonly name: string;
  readonly settings: CommandSettings;
  readonly maxOutputBytes: number;
  readonly clock: Clock;
}

async function runTurn(deps: CommandDeps, turn: AgentTurn, { signal, line }: TurnWatch): Promise<AgentAnswer> {
  const { settings, clock, maxOutputBytes } = deps;
  const executionId = `command:${turn.executionKey}`;
  const what = `agent ${turn.harness} (command ${settings.command[0]}) on thread ${turn.threadKey}, execution ${executionId},`;
  const limits = startTimeLimits(clock, turn, signal, what);
  const output = new Output(maxOutputBytes, line);
  const errors = new ErrorTail(maxOutputBytes);
  const ending = new Ending(limits);
  try {
    limits.signal.throwIfAborted();
    const program = startProgram(
      {
        command: settings.command[0]!,
        args: argumentsOf(settings, turn),
        cwd: settings.cwd,
        env: { ...settings.env, ...environmentOf(turn) },
        input: settings.prompt === "stdin" ? turn.prompt : "",
        onOutput: (text) => ending.guard(() => output.text(text)),
        onErrors: (text) => ending.guard(() => errors.push(text)),
      },
      clock,
    );
    ending.watch(program);
    const end = await program.ended;
    ending.throwIfStopped(what);
    if (end.fault) throw notStarted(deps, what, end.fault);
    if (end.code !== 0) throw failed(what, end, errors.text() || output.finish().slice(-5).join("\n"));
    const lines = output.finish();
    const failure = failureIn(lines);
    if (failure !== null) throw failed(what, end, failure);
    return { executionId, outputLines: lines, resultText: resultTextOf(lines) };
  } finally {
    ending.close();
    limits.stop();
  }
}

/** Why a program was ended before its own end: a limit of time or output, or nobody waits for it. The first reason stands. */
class Ending {
  readonly #limits: TimeLimits;
  #fault: unknown = null;
  #program: Program | null = null;
  readonly #stop = (): void => this.#program?.stop();

  constructor(limits: TimeLimits) {
    this.#limits = limits;
  }

  watch(program: Program): void {
    this.#program = program;
    this.#limits.signal.addEventListener("abort", this.#stop, { once: true });
    if (this.#limits.signal.aborted || this.#fault !== null) this.#stop();
  }

  /** The program has written something; what `take` throws ends it. After that its output is read and thrown away. */
  guard(take: () => void): void {
    this.#limits.touch();
    if (this.#fault !== null) return;
    try {
      take();
    } catch (error) {
      this.#fault = error;
      this.#stop();
    }
  }

  throwIfStopped(what: string): void {
    if (this.#fault instanceof ChironError) {
      const { message, hint, details } = this.#fault;
      throw new ChironError("upstream", `${what} was ended: ${message}`, { ...(hint ? { hint } : {}), details });
    }
    this.#limits.signal.throwIfAborted();
  }

  close(): void {
    this.#limits.signal.removeEventListener("abort", this.#stop);
  }
}

/** The last of the error stream; its flood is bounded like any output. */
class ErrorTail {
  readonly #bound: Output;
  #text = "";

  constructor(limitBytes: number) {
    this.#bound = new Output(limitBytes, () => undefined);
  }

  push(text: string): void {
    this.#bound.text(text);
    this.#text = (this.#text + text).slice(-SHOWN_ERRORS);
  }

  text(): string {
    return this.#text.trim();
  }
}

function argumentsOf(settings: CommandSettings, turn: AgentTurn): string[] {
  const models = turn.model === null ? [] : settings.modelArguments;
  const values: Readonly<Record<string, string>> = {
    prompt: turn.prompt,
    model: turn.model ?? "",
    thread_key: turn.threadKey,
    execution_key: turn.executionKey,
  };
  const fill = (text: string): string =>
    text.replace(/\{(prompt|model|thread_key|execution_key)\}/g, (_, name: string) => values[name]!);
  const given = settings.command.slice(1);
  const placed = given.includes(MODEL_PLACE) ? given : [...given, MODEL_PLACE];
  const filled = placed.flatMap((text) => (text === MODEL_PLACE ? models : [text])).map(fill);
  const asked = given.some((text) => text.includes("{prompt}"));
  return settings.prompt === "argument" && !asked ? [...filled, turn.prompt] : filled;
}

function environmentOf(turn: AgentTurn): Record<string, string> {
  return {
    CHIRON_THREAD_KEY: turn.threadKey,
    CHIRON_EXECUTION_KEY: turn.executionKey,
    CHIRON_TASK_ID: String(turn.metadata["workflow_task_id"]),
    CHIRON_RUN_ID: String(turn.metadata["workflow_run_id"]),
    CHIRON_WORKFLOW: String(turn.metadata["workflow_name"]),
    ...(turn.model === null ? {} : { CHIRON_MODEL: turn.model }),
  };
}

function notStarted({ name, settings }: CommandDeps, what: string, fault: NodeJS.ErrnoException): ChironError {
  const program = settings.command[0];
  const hints: Readonly<Record<string, string>> = {
    ENOENT: `Install ${program}, or correct agents.backends.${name}.command and cwd in chiron.toml.`,
    EACCES: `Make ${program} executable, or correct agents.backends.${name}.command.`,
    E2BIG: `The prompt is too long for an argument: set agents.backends.${name}.prompt = "stdin".`,
    ERR_INVALID_ARG_VALUE: `The prompt holds a character no argument can: set agents.backends.${name}.prompt = "stdin".`,
  };
  const hint = hints[fault.code ?? ""] ?? `See agents.backends.${name} in chiron.toml.`;
  return new ChironError("unavailable", `${what} could not be started: ${fault.message}`, { hint, cause: fault });
}

function failed(what: string, { code, signal }: ProgramEnd, said: string): ChironError {
  const exit = code === 0 ? "failed" : `exited with status ${code}`;
  const how = signal === null ? exit : `was ended by ${signal}`;
  return new ChironError("upstream", `${what} ${how}${said === "" ? "" : `: ${said}`}`, {
    details: { fault: "failed", code, signal },
  });
}
