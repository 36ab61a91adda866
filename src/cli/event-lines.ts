// What the engine's events look like as lines: for a person on a terminal, as JSON otherwise. An event that would only repeat what
// another line says has none.
import path from "node:path";
import { styleText } from "node:util";
import type { RuntimeEvent } from "../core/bus.ts";
import { formatDuration } from "../core/duration.ts";
import { printable } from "./output.ts";
import { fieldsText } from "./run-lines.ts";
import { document } from "./wire-run.ts";

type Style = Parameters<typeof styleText>[0];

export interface LineOptions {
  readonly stream: NodeJS.WriteStream;
  readonly now: () => number;
  /** Paths are shown relative to this folder. */
  readonly root: string;
}

/** Answers the writer that subscribes to the bus. */
export function createEventLines(options: LineOptions): (event: RuntimeEvent) => void {
  const { stream, now } = options;
  if (!stream.isTTY) return createJsonLines(stream, now);
  return (event) => {
    const line = prettyLine(event, options);
    if (line !== null) stream.write(`${styleText("dim", clockTime(now()), { stream })} ${line}\n`);
  };
}

/**
 * One JSON object a line, for whatever collects logs. Steps and what long calls say are left out: they are the many, and the store has them. Lines of one turn
 * are written together, because each write to a file or a pipe stops the process for as long as it takes.
 */
export function createJsonLines(stream: NodeJS.WritableStream, now: () => number): (event: RuntimeEvent) => void {
  let lines = "";
  const flush = (): void => {
    const text = lines;
    lines = "";
    if (text !== "") stream.write(text);
  };
  process.once("exit", flush);
  return (event) => {
    if (event.type === "run.step" || event.type === "effect.progress") return;
    if (lines === "") setImmediate(flush);
    lines += `${jsonLine({ at: new Date(now()).toISOString(), ...event })}\n`;
  };
}

/** The fields of a log line stay as they were logged: numbers that JavaScript cannot hold, too. */
function jsonLine(event: RuntimeEvent & { readonly at: string }): string {
  if (event.type !== "run.log") return JSON.stringify(event);
  const { fields, ...plain } = event;
  return document(plain, fields === null ? {} : { fields });
}

function clockTime(ms: number): string {
  return new Date(ms).toTimeString().slice(0, 8);
}

/** One event as a line without its time, or null. */
export function prettyLine(event: RuntimeEvent, { stream, now, root }: LineOptions): string | null {
  const style = (format: Style, text: string): string => styleText(format, text, { stream });
  switch (event.type) {
    case "run.started":
    case "run.completed":
    case "run.sleeping":
    case "run.failed":
    case "run.cancelled":
    case "run.released":
    case "run.lost":
    case "run.log":
      return runLine(event, style, now);
    case "run.code_replaced":
    case "code.unkept":
    case "code.loaded":
      return codeLine(event, style);
    case "replay.diverged":
    case "replay.checked":
      return replayLine(event, style, root);
    case "effect.done":
    case "effect.failed":
      return effectLine(event, style);
    case "slack.local_key":
      return `${style("yellow", "!")} buttons in Slack are signed with a key of this machine, ${path.relative(root, event.file)}: CENTAUR_JWT_SIGNING_SECRET is not set`;
    case "effect.progress":
      return `  ${style("dim", `${event.workflowName} │`)} ${printable(event.line)}`;
    case "delivery.received":
      return deliveryLine(event, style);
    case "event.emitted":
      return `${style("cyan", "◆")} event ${printable(event.name)}${event.first ? "" : " (already emitted, the first payload stands)"}, ${event.woken} woken`;
    case "catalog.reloaded":
    case "catalog.problem":
    case "catalog.fixed":
    case "catalog.failed":
    case "workflow.reaped":
      return catalogLine(event, style, root);
    case "schedule.changed":
      return `${style("cyan", "◷")} schedule ${event.scheduleId} ${event.change}`;
    case "schedule.occurred":
      return occurrenceLine(event, style);
    case "host.log":
      return `  ${style("dim", `${event.file === null ? `host ${event.pid}` : path.relative(root, event.file)} │`)} ${printable(event.message)}`;
    case "host.stalled":
      return `${style("yellow", "!")} host ${event.pid} blocked for ${formatDuration(event.ms)} at ${printable(event.where)}`;
    case "host.ended":
      return event.reason === "" ? null : `${style("yellow", "!")} host ${event.pid} ended: ${printable(event.reason)}`;
    case "clock.moved":
      return `${style("yellow", "⏲")} ${clockLine(event)}`;
    case "service.error":
      return `${style("red", "✘")} ${event.service}: ${printable(event.message)}`;
    case "task.created":
    case "effect.started":
    case "run.step":
    case "host.started":
    case "metric":
      return null;
  }
}

type CatalogEvent = Extract<RuntimeEvent, { type: `catalog.${string}` | "workflow.reaped" }>;

function catalogLine(event: CatalogEvent, style: Painter, root: string): string | null {
  switch (event.type) {
    case "catalog.reloaded":
      return reloadLine(event, style, root);
    case "catalog.problem":
      return problemLine(event, style, root);
    case "catalog.fixed":
      return `${style("green", "✔")} ${path.relative(root, event.path)} loads again`;
    case "catalog.failed":
      return `${style("red", "✘")} the workflow folders could not be loaded: ${printable(event.message)}`;
    case "workflow.reaped":
      return `${style("yellow", "■")} ${event.workflowName} was removed: ${event.cancelled} active runs cancelled`;
  }
}

type RunEvent = Extract<
  RuntimeEvent,
  {
    type:
      | "run.started"
      | "run.completed"
      | "run.sleeping"
      | "run.failed"
      | "run.cancelled"
      | "run.released"
      | "run.lost"
      | "run.log";
  }
>;

function runLine(event: RunEvent, style: Painter, now: () => number): string {
  const run = (id: string): string => style("dim", id.slice(-12));
  switch (event.type) {
    case "run.started":
      return `${style("cyan", "▶")} ${event.workflowName} ${run(event.runId)}${event.attempt > 1 ? ` attempt ${event.attempt}` : ""}`;
    case "run.completed":
      return `${style("green", "✔")} ${event.workflowName} ${run(event.runId)} completed`;
    case "run.sleeping":
      return `${style("blue", "☾")} ${run(event.runId)} waits at ${printable(event.waits.join(", "))}${event.wakeAt === null ? "" : `, wakes in ${formatDuration(Math.max(0, event.wakeAt - now()))}`}`;
    case "run.failed": {
      const next =
        event.nextAttemptAt === null
          ? "no attempt left"
          : `next attempt in ${formatDuration(Math.max(0, event.nextAttemptAt - now()))}`;
      return `${style("red", "✘")} ${event.workflowName} ${run(event.runId)} attempt ${event.attempt} failed: ${event.name}: ${printable(event.message)} (${next})`;
    }
    case "run.cancelled":
      return `${style("yellow", "■")} ${run(event.runId)} cancelled`;
    case "run.released":
      return `${style("yellow", "↩")} ${run(event.runId)} given back: ${event.reason}`;
    case "run.lost":
      return `${style("red", "!")} ${run(event.runId)} stopped: ${event.reason}`;
    case "run.log":
      return `  ${style("dim", `${event.workflowName}${event.source === "log" ? "" : ` ${event.source}`} │`)} ${printable(event.message)}${fieldsText(event.fields)}`;
  }
}

/** What a person reads of a clock that is not the machine's. */
export function clockLine(clock: { readonly mode: string; readonly now: number; readonly offsetMs: number }): string {
  if (clock.mode === "real") return "the clock follows the machine again";
  const distance = `${formatDuration(Math.abs(clock.offsetMs))} ${clock.offsetMs < 0 ? "behind" : "ahead"}`;
  const pace = clock.mode === "frozen" ? "standing still" : "running";
  return `virtual clock ${new Date(clock.now).toISOString().slice(0, 19)}Z, ${distance}, ${pace}`;
}

function occurrenceLine(event: Extract<RuntimeEvent, { type: "schedule.occurred" }>, style: Painter): string | null {
  const { scheduleId, outcome, source, from, to, count, reason } = event;
  const time = new Date(from).toISOString().replace(".000Z", "Z");
  if (outcome === "fired") return `${style("cyan", "◷")} ${scheduleId} fires${source === "manual" ? "" : ` ${time}`}`;
  if (outcome === "held") return `${style("yellow", "◷")} ${scheduleId} ${time} waits for the task before it`;
  const times = from === to ? time : `${count ?? "many"} times to ${new Date(to).toISOString().replace(".000Z", "Z")}`;
  return `${style("yellow", "◷")} ${scheduleId} skipped ${times} (${reason})`;
}

function deliveryLine(event: Extract<RuntimeEvent, { type: "delivery.received" }>, style: Painter): string {
  const { slug, outcome, status, remark, taskId, workflowName } = event;
  const mark = outcome === "rejected" ? style("red", "⇥") : style("cyan", "⇥");
  const told = remark === null ? "" : `: ${printable(remark)}`;
  const run = taskId === null ? "" : ` ${workflowName} ${style("dim", taskId.slice(-12))}`;
  return `${mark} webhook ${slug} ${status} ${outcome}${run}${told}`;
}

type Painter = (format: Style, text: string) => string;

function codeLine(
  event: Extract<RuntimeEvent, { type: "run.code_replaced" | "code.unkept" | "code.loaded" }>,
  style: Painter,
): string {
  if (event.type === "code.loaded")
    return `${style("cyan", "↻")} older code ${event.generation.slice(0, 12)} loaded in ${event.ms} ms`;
  if (event.type === "code.unkept") return `${style("yellow", "!")} the code is not kept: ${printable(event.message)}`;
  const run = `${event.workflowName} ${style("dim", event.runId.slice(-12))}`;
  return `${style("yellow", "!")} ${run} goes on with newer code: ${printable(event.reason)}`;
}

function replayLine(
  event: Extract<RuntimeEvent, { type: "replay.diverged" | "replay.checked" }>,
  style: Painter,
  root: string,
): string | null {
  if (event.type === "replay.checked") {
    const runs = event.runs === 1 ? "1 unfinished run" : `${event.runs} unfinished runs`;
    const found =
      event.diverged === 0 ? "on their record" : style("yellow", `${event.diverged} would leave their record`);
    return `${style("dim", "⟲")} ${runs} replayed on the new code: ${found}`;
  }
  const at = event.position === null ? "" : ` at ${path.relative(root, event.position)}`;
  const who = `${event.workflowName} ${event.taskId.slice(-12)}`;
  return `${style("yellow", "!")} ${who} would leave its record${printable(at)}: ${printable(event.message)}`;
}

/** A Slack message that stays here has a log line with its text. */
function effectLine(
  event: Extract<RuntimeEvent, { type: "effect.done" | "effect.failed" }>,
  style: Painter,
): string | null {
  const { callType, target, nature, by, durationMs } = event;
  if (event.type === "effect.done" && event.kind === "slack" && nature === "stubbed") return null;
  const name = printable(`${callType.replace(/^ctx\./, "")}${target === null ? "" : ` ${target}`}`);
  const how = style("dim", `${nature}, ${printable(by)}, ${formatDuration(durationMs)}`);
  if (event.type === "effect.done") return `${style("magenta", "⇄")} ${name} (${how})`;
  return `${style("red", "⇄")} ${name} failed: ${printable(event.message)} (${how})`;
}

function reloadLine(event: Extract<RuntimeEvent, { type: "catalog.reloaded" }>, style: Painter, root: string): string {
  const part = (label: string, names: readonly string[]): string[] =>
    names.length > 0 ? [`${label} ${names.join(", ")}`] : [];
  const helpers = event.helpers.map((file) => path.relative(root, file));
  // At the start everything is new; naming it all would say nothing.
  const isFirst = event.added.length === event.workflows;
  const parts = isFirst
    ? [`${event.workflows} workflows`]
    : [
        ...part("added", event.added),
        ...part("changed", event.changed),
        ...part("removed", event.removed),
        ...part("helpers", helpers),
      ];
  const problems = event.problems > 0 ? style("red", `, ${event.problems} problems`) : "";
  return `${style("green", "↻")} loaded ${parts.length > 0 ? parts.join("; ") : "without a change"} in ${Math.round(event.ms)} ms${problems}`;
}

/** Kind and message, without saying the kind twice. */
export function problemText({ kind, message }: { readonly kind: string; readonly message: string }): string {
  return printable(message.startsWith(`${kind}:`) ? message : `${kind}: ${message}`);
}

function problemLine(event: Extract<RuntimeEvent, { type: "catalog.problem" }>, style: Painter, root: string): string {
  const where = `${path.relative(root, event.path)}${event.line === null ? "" : `:${event.line}`}`;
  const serving = event.serving ? " (the last good version keeps serving)" : "";
  const mark = event.severity === "error" ? style("red", "✘") : style("yellow", "!");
  return `${mark} ${where} ${problemText(event)}${event.severity === "error" ? serving : ""}`;
}
