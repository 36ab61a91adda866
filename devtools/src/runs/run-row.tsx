// One line for one task: its state, what it is, with which input, for how long.
import type { RunView } from "../data/api.ts";
import { ExactNumber } from "../data/client.ts";
import { visible } from "../shell/json-tree.tsx";
import { State } from "../shell/marks.tsx";
import { runPath } from "../shell/router.ts";
import { dateTime, duration } from "../shell/times.ts";

const PREVIEW = 160;

export function RunRow({ run }: { readonly run: RunView }) {
  return (
    <a class="run-row" href={runPath(run.task_id)} tabIndex={-1}>
      <State state={run.status} />
      <span class="name">{visible(run.workflow_name)}</span>
      <code class="faint">{run.task_id.slice(-12)}</code>
      <span class="preview">{run.failure ? visible(run.failure.message.slice(0, PREVIEW)) : preview(run.input)}</span>
      <span class="faint right">{run.attempt > 1 ? `attempt ${run.attempt}` : ""}</span>
      <span class="right">{lasted(run)}</span>
      <time class="faint right" dateTime={run.created_at}>
        {dateTime(run.created_at)}
      </time>
    </a>
  );
}

/** The beginning of a value on one line. */
export function preview(value: unknown): string {
  const write = (_key: string, inner: unknown): unknown => {
    if (inner instanceof ExactNumber) return inner.text;
    return typeof inner === "string" && inner.length > PREVIEW ? `${inner.slice(0, PREVIEW)}…` : inner;
  };
  return visible((JSON.stringify(value, write) ?? "").slice(0, PREVIEW));
}

function lasted(run: RunView): string {
  if (run.started_at === null) return "";
  const end = run.finished_at === null ? Date.now() : Date.parse(run.finished_at);
  return duration(end - Date.parse(run.created_at));
}
