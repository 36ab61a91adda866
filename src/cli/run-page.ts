// The page of `chiron runs show`: written so that a person sees first what became of the run, then why, then how it got there.
import path from "node:path";
import { formatDuration } from "../core/duration.ts";
import { isTerminal } from "../core/states.ts";
import { printEffects } from "./outbox-list.ts";
import { printable, type Output } from "./output.ts";
import { shortGeneration } from "./code-ref.ts";
import { shortId } from "./run-id.ts";
import { logLine } from "./run-lines.ts";
import { stateStyle } from "./state-style.ts";
import { cutText, valueText } from "./value-text.ts";
import { moment, relative } from "./when.ts";
import {
  outputOf,
  type Wire,
  type WireAttempt,
  type WireCheckpoint,
  type WireFailure,
  type WireLog,
  type WireRun,
  type WireWait,
} from "./wire-run.ts";
import type { WireEffect } from "./wire-effect.ts";

export interface RunFacts {
  readonly run: Wire<WireRun>;
  readonly attempts: readonly Wire<WireAttempt>[];
  readonly checkpoints: readonly Wire<WireCheckpoint>[];
  readonly waits: readonly Wire<WireWait>[];
  readonly children: readonly Wire<WireRun>[];
  /** Newest first. */
  readonly effects: readonly Wire<WireEffect>[];
  readonly logs: readonly Wire<WireLog>[];
}

export interface PageOptions {
  readonly now: number;
  /** Paths are shown relative to this folder. */
  readonly root: string;
}

const LOG_LINES = 15;
const VALUE_WIDTH = 60;

export function printRunPage(output: Output, facts: RunFacts, options: PageOptions): void {
  printHead(output, facts.run, options.now);
  printFailure(output, facts, options);
  printWaits(output, facts, options.now);
  printAttempts(output, facts, options.now);
  printCheckpoints(output, facts, options);
  printChildren(output, facts, options.now);
  printOutside(output, facts, options.now);
  printLogs(output, facts);
  printNext(output, facts);
}

/** Which version ran it, and which it began on where that is another one. */
function codeText({ generation, pinned_generation: pinned }: WireRun): string | null {
  if (!generation) return null;
  const began = pinned && pinned !== generation ? ` (the task began on ${shortGeneration(pinned)})` : "";
  return shortGeneration(generation) + began;
}

function printHead(output: Output, run: Wire<WireRun>, now: number): void {
  const { value, raw } = run;
  const field = (name: string, text: string | null): void => {
    if (text !== null) output.print(`${output.style("dim", name.padEnd(9))} ${text}`);
  };
  const attempt = `attempt ${value.attempt} of ${value.max_attempts}`;
  const state = output.style(stateStyle(value.status), value.status);
  output.print(`${output.style("bold", printable(value.workflow_name))}  ${state}  ${output.style("dim", attempt)}`);
  field("run", value.run_id);
  field("task", value.task_id);
  field("created", `${moment(value.created_at, now)} by ${causeText(value)}`);
  field("started", value.started_at && moment(value.started_at, now));
  field("finished", value.finished_at && `${moment(value.finished_at, now)}${tookText(value)}`);
  field("parent", value.parent_task_id);
  field("key", value.idempotency_key && printable(value.idempotency_key));
  field("queue", value.queue);
  field("code", codeText(value));
  field("input", valueText(raw.get("input") ?? "null", 1_000));
  const result = outputOf(run);
  field("output", result === null ? null : valueText(result, 1_000));
}

function causeText({ cause }: WireRun): string {
  return printable(cause.ref === undefined ? cause.kind : `${cause.kind} ${cause.ref}`);
}

function tookText({ started_at, finished_at }: WireAttempt): string {
  if (started_at === null || finished_at === null) return "";
  return `, took ${formatDuration(Math.max(0, Date.parse(finished_at) - Date.parse(started_at)))}`;
}

function heading(output: Output, text: string): void {
  output.print("");
  output.print(output.style("bold", text));
}

/** The failure of the attempt shown, or of the one before it: a run that tries again has none of its own yet. */
function printFailure(output: Output, { run, attempts }: RunFacts, { root }: PageOptions): void {
  const failed = run.value.failure
    ? run.value
    : attempts.map((entry) => entry.value).findLast((entry) => entry.failure);
  if (!failed?.failure || run.value.status === "completed") return;
  const { failure } = failed;
  heading(output, `Failure of attempt ${failed.attempt}`);
  const place = failurePlace(failure, root);
  output.print(`  ${output.style("red", printable(`${failure.name}: ${failure.message}`).replaceAll("\n", "\n  "))}`);
  if (place) output.print(`  at ${place}`);
  if (failure.crash) output.print(`  the host process ended: ${printable(failure.crash)}`);
  if (failure.traceback) output.print(printable(failure.traceback.trimEnd()).replace(/^/gm, "  "));
}

const FRAME = /^\s*File "([^"]+)", line (\d+), in (.+)$/gm;

/** The innermost frame of the traceback as `path:line in function`, or null. */
export function failurePlace({ traceback }: Pick<WireFailure, "traceback">, root: string): string | null {
  const last = [...(traceback ?? "").matchAll(FRAME)].at(-1);
  if (!last) return null;
  const [, file, line, name] = last as unknown as [string, string, string, string];
  return printable(`${shownPath(file, root)}:${line} in ${name}`);
}

function shownPath(file: string, root: string): string {
  const relativePath = path.relative(root, file);
  return relativePath.startsWith("..") ? file : relativePath;
}

function printWaits(output: Output, { run, waits }: RunFacts, now: number): void {
  if (isTerminal(run.value.status)) return;
  const { status, wake_at } = run.value;
  if (waits.length === 0) {
    if (status === "pending" && wake_at !== null && Date.parse(wake_at) > now) {
      output.print(`${output.style("dim", "next try")}  ${moment(wake_at, now)}`);
    }
    return;
  }
  heading(output, "Waits for");
  output.table(
    ["STEP", "FOR", "UNTIL"],
    waits.map(({ value }) => [value.step, waitText(value), untilText(value, now)]),
  );
}

function waitText({ kind, target, event_type, correlation_id }: WireWait): string {
  if (kind === "sleep") return "a sleep to end";
  if (kind === "task") return `task ${target ?? ""}`;
  return event_type === null ? `event ${target ?? ""}` : `event ${event_type} of ${correlation_id ?? ""}`;
}

function untilText({ kind, deadline_at }: WireWait, now: number): string {
  if (deadline_at === null) return "it happens";
  return kind === "sleep" ? moment(deadline_at, now) : `it happens, at most ${moment(deadline_at, now)}`;
}

function printAttempts(output: Output, { attempts }: RunFacts, now: number): void {
  if (attempts.length < 2) return;
  heading(output, "Attempts");
  output.table(
    ["#", "RUN", "STATUS", "STARTED", "TOOK", "FAILURE"],
    attempts.map(({ value }) => [
      String(value.attempt),
      shortId(value.run_id),
      value.status,
      relative(value.started_at, now),
      tookText(value).replace(", took ", ""),
      value.failure ? cutText(`${value.failure.name}: ${value.failure.message}`, VALUE_WIDTH) : "",
    ]),
    (cell, row, column) => (column === 2 ? output.style(stateStyle(attempts[row]!.value.status), cell) : cell),
  );
}

function printCheckpoints(output: Output, { checkpoints }: RunFacts, { root }: PageOptions): void {
  if (checkpoints.length === 0) return;
  heading(output, "Steps");
  output.table(
    ["#", "NAME", "KIND", "TOOK", "ATTEMPT", "AT", "VALUE"],
    checkpoints.map(({ value, raw }) => [
      String(value.seq),
      value.name,
      value.origin === "recorded" ? value.kind : `${value.kind} (${value.origin})`,
      value.kind === "step" ? formatDuration(value.duration_ms) : "",
      String(value.attempt),
      value.position === null ? "" : shownPlace(value.position, root),
      valueText(raw.get("value") ?? "null", VALUE_WIDTH),
    ]),
  );
}

function shownPlace(position: string, root: string): string {
  return path.isAbsolute(position) ? shownPath(position, root) : position;
}

function printChildren(output: Output, { children }: RunFacts, now: number): void {
  if (children.length === 0) return;
  heading(output, "Children");
  output.table(
    ["RUN", "WORKFLOW", "STATUS", "CREATED"],
    children.map(({ value }) => [
      shortId(value.run_id),
      value.workflow_name,
      value.status,
      relative(value.created_at, now),
    ]),
    (cell, row, column) => (column === 2 ? output.style(stateStyle(children[row]!.value.status), cell) : cell),
  );
}

function printOutside(output: Output, { effects }: RunFacts, now: number): void {
  if (effects.length === 0) return;
  heading(output, "Reached outside");
  printEffects(output, effects.map(({ value }) => value).toReversed(), now);
}

function printLogs(output: Output, { logs }: RunFacts): void {
  if (logs.length === 0) return;
  const shown = logs.slice(-LOG_LINES);
  heading(output, shown.length === logs.length ? "Log" : `Log (last ${shown.length} of ${logs.length} lines)`);
  for (const { value, raw } of shown) output.print(logLine(value, raw.get("fields")));
}

function printNext(output: Output, { run }: RunFacts): void {
  const id = shortId(run.value.run_id);
  const { status } = run.value;
  if (status === "failed" && run.value.cause.kind !== "import")
    output.note(`\none more attempt with: chiron runs retry ${id}`);
  else if (!isTerminal(status)) output.note(`\nfollow it with: chiron runs tail ${id}`);
}
