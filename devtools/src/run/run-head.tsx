// A run's head: its state, ids, the version of the code it ran on, and what started it.
import type { ComponentChildren } from "preact";
import { RunActions } from "../actions/run-actions.tsx";
import type { RunView } from "../data/api.ts";
import { visible } from "../shell/json-tree.tsx";
import { State } from "../shell/marks.tsx";
import { runPath } from "../shell/router.ts";
import { dateTime, duration } from "../shell/times.ts";
import type { History } from "./timeline.ts";

interface HeadProps {
  readonly run: RunView;
  readonly history: History;
  readonly onChange: () => void;
}

export function RunHead({ run, history, onChange }: HeadProps) {
  return (
    <header class="run-head">
      <h1>
        <State state={run.status} /> {visible(run.workflow_name)}
      </h1>
      <RunActions run={run} waits={history.waits} onChange={onChange} />
      <dl>
        <Fact name="task">
          <Id id={run.task_id} />
        </Fact>
        <Fact name="run">
          <Id id={run.run_id} /> attempt {run.attempt} of at most {run.max_attempts}
        </Fact>
        <Fact name="started by">
          <Trigger run={run} />
        </Fact>
        <Fact name="version">
          <code>{run.generation?.slice(0, 12) ?? "not started"}</code>
        </Fact>
        <Fact name="queue">{visible(run.queue)}</Fact>
        <Fact name="created">
          <time dateTime={run.created_at}>{dateTime(run.created_at)}</time>
        </Fact>
        {run.finished_at !== null && (
          <Fact name="took">{duration(Date.parse(run.finished_at) - Date.parse(run.created_at))}</Fact>
        )}
        {run.wake_at !== null && (
          <Fact name="goes on">
            <time dateTime={run.wake_at}>{dateTime(run.wake_at)}</time>
          </Fact>
        )}
        {run.idempotency_key !== null && (
          <Fact name="key">
            <code>{visible(run.idempotency_key)}</code>
          </Fact>
        )}
        {history.children.length > 0 && <Fact name="children">{history.children.length}</Fact>}
      </dl>
    </header>
  );
}

function Fact({ name, children }: { readonly name: string; readonly children: ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Id({ id }: { readonly id: string }) {
  return (
    <button type="button" class="id" title="copy" onClick={() => void navigator.clipboard?.writeText(id)}>
      <code>{id}</code>
    </button>
  );
}

function Reference({ kind, reference }: { readonly kind: string; readonly reference: string }) {
  if (kind === "webhook") return <a href={`/webhooks?delivery=${encodeURIComponent(reference)}`}> delivery {visible(reference.slice(-12))}</a>; // prettier-ignore
  if (kind === "action") return <a href={runPath(reference)}> a button of run {visible(reference.slice(-12))}</a>;
  return <code> {visible(reference)}</code>;
}

/** What started it; a delivery, a parent, and a task that an action came from, are a click away. */
function Trigger({ run }: { readonly run: RunView }) {
  const { kind, ref } = run.cause;
  return (
    <span>
      {visible(kind)}
      {ref !== undefined && run.parent_task_id === null && <Reference kind={kind} reference={ref} />}
      {run.parent_task_id !== null && (
        <>
          {" "}
          <a href={runPath(run.parent_task_id)}>parent {run.parent_task_id.slice(-12)}</a>
        </>
      )}
    </span>
  );
}
