// A bundle as one page: what the run got, did and gave, on a time line. Static: no script, nothing loaded, every text of the run escaped.
import { createHash } from "node:crypto";
import { formatDuration } from "../core/duration.ts";
import type { Bundle } from "./bundle.ts";

const STYLE = `body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:64rem;padding:0 1rem;color:#1a1a1a;background:#fff}
h1{font-size:1.4rem}h2{font-size:1.1rem;margin-top:2rem}table{border-collapse:collapse;width:100%}
td,th{text-align:left;vertical-align:top;padding:.25rem .5rem;border-bottom:1px solid #ddd}th{font-weight:600;color:#555}
pre{white-space:pre-wrap;overflow-wrap:anywhere;margin:0;font:13px/1.4 ui-monospace,monospace;max-height:30rem;overflow:auto}
.completed{color:#137333}.failed{color:#b3261e}.cancelled{color:#8a6d00}svg{width:100%;height:1rem;background:#f3f3f3}
summary{cursor:pointer}@media(prefers-color-scheme:dark){body{color:#eee;background:#181818}td,th{border-color:#333}svg{background:#2a2a2a}
th{color:#aaa}.completed{color:#7bd88f}.failed{color:#ff8a80}.cancelled{color:#ffd54f}}`;
/** Longest value shown; the bundle has it whole. */
const LONGEST = 20_000;
const MOST_LINES = 2_000;

export function bundlePage({ about, parts }: Bundle): string {
  const task = parts.task[0]!;
  const hash = createHash("sha256").update(STYLE).digest("base64");
  const csp = `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'`;
  const title = `${task.workflowName} ${task.taskId}`;
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="${csp}">
<meta name="viewport" content="width=device-width"><meta name="referrer" content="no-referrer"><title>${escape(title)}</title>
<style>${STYLE}</style></head><body>
<h1>${escape(task.workflowName)} <span class="${task.state}">${task.state}</span></h1>
<table>
${row("task", task.taskId)}${row("started by", `${task.cause.kind} ${task.cause.ref ?? ""}`)}
${row("created", iso(task.createdAt))}${row("finished", task.finishedAt === null ? "not yet" : iso(task.finishedAt))}
${row("exported", `${iso(about.exportedAt)} by Chiron ${about.chironVersion}`)}
${row("data", about.redacted ? `${about.replaced.length} values are stand-ins` : "as it was, secrets and personal data included")}
</table>
${section("Input", value(task.input))}${task.output === null ? "" : section("Result", value(task.output))}
${attempts(parts)}${timeLine(parts)}${waits(parts)}${effects(parts)}${logs(parts)}
</body></html>
`;
}

type Parts = Bundle["parts"];

function attempts({ runs }: Parts): string {
  const rows = runs.map(({ attempt, state, startedAt, finishedAt, failure }) => {
    const took = startedAt === null || finishedAt === null ? "" : formatDuration(Math.max(0, finishedAt - startedAt));
    const why = failure ? `${failure.name}: ${failure.message}\n${failure.traceback ?? ""}`.trimEnd() : "";
    return `<tr><td>${attempt}</td><td class="${state}">${state}</td><td>${took}</td><td>${pre(why)}</td></tr>`;
  });
  return section(
    "Attempts",
    `<table><tr><th>#</th><th>state</th><th>took</th><th>failure</th></tr>${rows.join("")}</table>`,
  );
}

/** Each step as a bar from its beginning to when it was recorded. */
function timeLine({ task, checkpoints }: Parts): string {
  if (checkpoints.length === 0) return "";
  const from = task[0]!.createdAt;
  const span = Math.max(1, ...checkpoints.map(({ createdAt }) => createdAt - from));
  const rows = checkpoints.map(({ name, kind, attempt, createdAt, durationMs, position, value: result }) => {
    const end = Math.min(100, Math.max(0, ((createdAt - from) / span) * 100));
    const width = Math.max(0.4, Math.min(end, (durationMs / span) * 100));
    const bar = `<svg viewBox="0 0 100 4" preserveAspectRatio="none"><rect x="${(end - width).toFixed(3)}" width="${width.toFixed(3)}" height="4" fill="#3b78e7"/></svg>`;
    const told = `${kind}${attempt > 1 ? `, attempt ${attempt}` : ""}${position === null ? "" : `, ${position}`}`;
    return `<tr><td>${escape(name)}<br><small>${escape(told)}</small></td><td>${formatDuration(durationMs)}</td><td>${bar}<details><summary>${escape(result.slice(0, 80))}</summary>${value(result)}</details></td></tr>`;
  });
  return section(
    "Steps",
    `<table><tr><th>step</th><th>took</th><th>over ${formatDuration(span)}</th></tr>${rows.join("")}</table>`,
  );
}

function waits({ waits: open }: Parts): string {
  if (open.length === 0) return "";
  const rows = open.map(({ step, kind, target, deadlineAt }) =>
    row(step, `${kind} ${target ?? ""}${deadlineAt === null ? "" : ` until ${iso(deadlineAt)}`}`),
  );
  return section("Waited for", `<table>${rows.join("")}</table>`);
}

function effects({ effects: calls }: Parts): string {
  if (calls.length === 0) return "";
  const rows = calls.map(({ callType, target, state, nature, request, answer, error }) => {
    const said = [request, answer, error].filter((one) => one !== null).join("\n→ ");
    return `<tr><td>${escape(callType)}<br><small>${escape(target ?? "")}</small></td><td>${state}, ${nature}</td><td>${pre(cut(said))}</td></tr>`;
  });
  return section("Outside", `<table><tr><th>call</th><th></th><th>sent and answered</th></tr>${rows.join("")}</table>`);
}

function logs({ logs: lines }: Parts): string {
  if (lines.length === 0) return "";
  const shown = lines.slice(-MOST_LINES);
  const text = shown.map(({ at, level, source, message }) => `${iso(at)} ${level} ${source} │ ${message}`).join("\n");
  const left = lines.length - shown.length;
  return section(left > 0 ? `Log (the last ${MOST_LINES} of ${lines.length} lines)` : "Log", pre(text));
}

function section(title: string, html: string): string {
  return `<h2>${escape(title)}</h2>${html}`;
}

function row(name: string, text: string): string {
  return `<tr><th>${escape(name)}</th><td>${escape(text)}</td></tr>`;
}

function value(json: string): string {
  return pre(cut(json));
}

function cut(text: string): string {
  return text.length <= LONGEST ? text : `${text.slice(0, LONGEST)}… (${text.length} characters)`;
}

function pre(text: string): string {
  return text === "" ? "" : `<pre>${escape(text)}</pre>`;
}

/** Text as text: nothing in it can begin a tag, end an attribute, or steer a terminal or the direction of writing. */
function escape(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")
    .replaceAll("'", "&#39;")
    .replaceAll(CONTROL, "\ufffd");
}

// eslint-disable-next-line no-control-regex -- what must not reach the page
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g;

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
