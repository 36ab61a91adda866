// `chiron run`: starts a run, and on request waits for its end and prints what the handler returned.
import type { Command } from "commander";
import { parseDuration } from "../core/duration.ts";
import { ChironError } from "../core/errors.ts";
import type { JsonText } from "../core/json-text.ts";
import { connect, type Client } from "./client.ts";
import {
  action,
  wholeNumber,
  withCommonOptions,
  type CommandContext,
  type CommandDeps,
  type CommonOptions,
} from "./command.ts";
import { INTERRUPTED_EXIT, interruptible } from "./interrupt.ts";
import { readJsonOption } from "./json-option.ts";
import { eventLine, logLine } from "./run-lines.ts";
import { followRun, type Follower } from "./run-follow.ts";
import { shortId } from "./run-id.ts";
import { document, outputOf, type Wire, type WireRun } from "./wire-run.ts";

interface RunOptions extends CommonOptions {
  readonly input?: string;
  readonly inputFile?: string;
  readonly wait?: boolean;
  readonly follow?: boolean;
  readonly timeout?: string;
  readonly key?: string;
  readonly maxAttempts?: string;
}

interface Created {
  readonly run_id: string;
  readonly task_id: string;
  readonly created: boolean;
}

const EXAMPLES = `
Examples:
  $ chiron run hello --input '{"name": "Ada"}' --wait      prints what the handler returned
  $ chiron run hello --input @input.json --follow          shows the log lines as they come
  $ generate | chiron run import --input-file - --key 2026-03-01
With --wait the exit code is 0 when the run completed and 3 when it failed or was cancelled.`;

export function addRunCommand(program: Command, deps: CommandDeps): void {
  withCommonOptions(program.command("run <workflow>"))
    .description("start a run of a workflow")
    .option("--input <json>", "the input as JSON, or @file")
    .option("--input-file <path>", "a file with the input; - reads standard input")
    .option("--wait", "wait for the end and print the result")
    .option("--follow", "like --wait, and show log lines and state changes as they come")
    .option("--timeout <duration>", "wait at most this long (90s, 5m, 2h); the run goes on")
    .option("--key <key>", "start at most one task with this key, for ever")
    .option("--max-attempts <n>", "attempts before the task fails (default 5)")
    .addHelpText("after", EXAMPLES)
    .action(action<RunOptions>(deps, (context, options, [name]) => run(context, options, name!)));
}

async function run(context: CommandContext, options: RunOptions, name: string): Promise<number> {
  const timeoutMs = readTimeout(options.timeout);
  const body = await bodyOf(name, options);
  const waits = options.wait === true || options.follow === true || timeoutMs !== null;
  const local = { work: waits, load: true };
  const client = await connect(context.wiring, context.config, { ...(options.url ? { url: options.url } : {}), local });
  try {
    const created = await create(context, client, body);
    if (!waits) return announce(context, client, name, created);
    if (options.follow) context.output.note(`${name} ${created.run_id}`);
    return await interruptible((stop) => waitFor(context, client, { name, created, options, timeoutMs, stop }));
  } finally {
    await client.close();
  }
}

/** The body of the create call, with the input as it was typed. */
async function bodyOf(name: string, options: RunOptions): Promise<string> {
  const input = await readJsonOption({ inline: options.input, file: options.inputFile, option: "--input" });
  const attempts = options.maxAttempts;
  const plain = {
    workflow_name: name,
    ...(options.key === undefined ? {} : { idempotency_key: options.key }),
    ...(attempts === undefined ? {} : { max_attempts: wholeNumber(attempts, "--max-attempts", 1, 1_000) }),
  };
  return document(plain, input === null ? {} : { input });
}

function readTimeout(text: string | undefined): number | null {
  if (text === undefined) return null;
  const ms = parseDuration(text);
  if (ms !== null && ms > 0) return ms;
  throw new ChironError("bad_request", `--timeout must be a duration such as 90s, 5m or 2h, not ${text}`);
}

/** An unknown name often means a file that does not load: the files that do not are part of the answer. */
async function create({ output, config }: CommandContext, client: Client, body: string): Promise<Created> {
  try {
    return (await client.post("/api/workflows/runs", body)) as unknown as Created;
  } catch (error) {
    if (!(error instanceof ChironError) || error.code !== "unknown_workflow") throw error;
    const catalog = await client.get("/api/workflows").catch(() => ({ problems: [] }));
    const problems = (catalog["problems"] as readonly Problem[]).filter((problem) => problem.severity === "error");
    for (const { path, line, message } of problems) {
      output.note(`does not load: ${path}${line === null ? "" : `:${line}`}: ${message}`);
    }
    if (client.url === null && config.dirs.length > 0) output.note(`looked in ${config.dirs.join(", ")}`);
    throw error;
  }
}

interface Problem {
  readonly path: string;
  readonly line: number | null;
  readonly message: string;
  readonly severity: string;
}

function announce({ output }: CommandContext, client: Client, name: string, created: Created): number {
  const { run_id, task_id, created: isNew } = created;
  if (output.json) {
    output.printJson({ ok: true, run_id, task_id, workflow_name: name, created: isNew, served: client.url !== null });
    return 0;
  }
  output.print(isNew ? `created ${name} ${run_id}` : `${name} ${run_id} was started by this key before`);
  if (client.url === null) output.note('no server runs here: "chiron dev" will run it');
  output.note(`see it with: chiron runs show ${shortId(run_id)}`);
  return 0;
}

interface Waiting {
  readonly name: string;
  readonly created: Created;
  readonly options: RunOptions;
  readonly timeoutMs: number | null;
  readonly stop: AbortSignal;
}

async function waitFor(context: CommandContext, client: Client, waiting: Waiting): Promise<number> {
  const { created, options, timeoutMs, stop } = waiting;
  const timeout = timeoutMs === null ? null : AbortSignal.timeout(timeoutMs);
  const signal = timeout ? AbortSignal.any([stop, timeout]) : stop;
  const follower = options.follow ? followerOf(context, client) : {};
  const run = await followRun(client, created.run_id, signal, follower);
  if (run) return report(context, run, created, options.follow === true);
  const where = client.url === null ? 'goes on with "chiron dev"' : "goes on";
  const see = `See it with: chiron runs show ${shortId(created.run_id)}`;
  if (stop.aborted) {
    context.output.note(`stopped waiting; the run ${where}. ${see}`);
    return INTERRUPTED_EXIT;
  }
  throw new ChironError("unavailable", `the run has not ended after ${options.timeout}; it ${where}`, {
    hint: see,
    details: { run_id: created.run_id, task_id: created.task_id },
  });
}

function followerOf({ output }: CommandContext, client: Client): Follower {
  if (output.json) {
    return {
      log: (line) => output.print(document({ event: "log" }, Object.fromEntries(line.raw))),
      event: (type, data) => output.print(document({ event: type }, { data })),
    };
  }
  return {
    log: (line) => output.note(logLine(line.value, line.raw.get("fields"))),
    event: (type, data) => {
      const line = eventLine(type, JSON.parse(data) as Record<string, unknown>, client.now());
      if (line !== null) output.note(line);
    },
  };
}

/** The handler's value goes out as it was stored; everything about the run stands on stderr. */
function report({ output }: CommandContext, run: Wire<WireRun>, created: Created, streamed: boolean): number {
  const { status, failure, run_id, task_id, workflow_name, attempts } = run.value;
  const completed = status === "completed";
  if (output.json) {
    const plain = {
      ...(streamed ? { event: "end" } : {}),
      ok: completed,
      ...(completed ? {} : { error: failureText(run.value), code: "run_failed" }),
      run_id,
      task_id,
      workflow_name,
      created: created.created,
      status,
      attempts,
    };
    const none = "null" as JsonText;
    output.print(document(plain, { output: outputOf(run) ?? none, failure: run.raw.get("failure") ?? none }));
    return completed ? 0 : 3;
  }
  if (completed) {
    output.print(outputOf(run) ?? "null");
    return 0;
  }
  if (failure?.traceback) output.note(logLine({ level: "error", source: "chiron", message: failure.traceback }));
  return output.fail(
    new ChironError("run_failed", failureText(run.value), { hint: `See it with: chiron runs show ${shortId(run_id)}` }),
  );
}

function failureText({ workflow_name, run_id, status, attempts, failure }: WireRun): string {
  if (status === "cancelled") return `${workflow_name} ${run_id} was cancelled`;
  const times = attempts === 1 ? "1 attempt" : `${attempts} attempts`;
  return `${workflow_name} ${run_id} failed after ${times}: ${failure ? `${failure.name}: ${failure.message}` : "no reason recorded"}`;
}
