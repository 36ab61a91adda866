// What stands behind one row of the timeline: a checkpoint's value, a wait, an attempt, a child, a call to the outside.
import type { ComponentChildren } from "preact";
import type { Attempt, Checkpoint, Effect, RunView, Wait } from "../data/api.ts";
import { JsonTree, LongText, visible } from "../shell/json-tree.tsx";
import { State } from "../shell/marks.tsx";
import { runPath } from "../shell/router.ts";
import { clockTime, dateTime, duration, size } from "../shell/times.ts";
import { FailureView } from "./failure-view.tsx";
import type { Row } from "./timeline.ts";

export function RowDetail({ row }: { readonly row: Row }) {
  return (
    <>
      <h2 class="text">
        <LongText text={row.label} />
      </h2>
      {row.checkpoint && <CheckpointDetail checkpoint={row.checkpoint} />}
      {row.wait && <WaitDetail wait={row.wait} />}
      {row.attempt && <AttemptDetail attempt={row.attempt} />}
      {row.child && <ChildDetail child={row.child} />}
      {row.effect && <EffectDetail effect={row.effect} />}
    </>
  );
}

function Facts({ facts }: { readonly facts: readonly (readonly [string, ComponentChildren])[] }) {
  return (
    <dl class="facts">
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

function CheckpointDetail({ checkpoint }: { readonly checkpoint: Checkpoint }) {
  return (
    <>
      <Facts
        facts={[
          ["kind", checkpoint.kind],
          [
            "recorded",
            `${clockTime(checkpoint.created_at)} in attempt ${checkpoint.attempt}, as number ${checkpoint.seq}`,
          ],
          ["took", duration(checkpoint.duration_ms)],
          ["size", size(checkpoint.size)],
          ["code", checkpoint.position === null ? "unknown" : <code>{visible(checkpoint.position)}</code>],
        ]}
      />
      <JsonTree key={checkpoint.name} value={checkpoint.value} open />
    </>
  );
}

function WaitDetail({ wait }: { readonly wait: Wait }) {
  const target = wait.event_type === null ? wait.target : `${wait.event_type} of ${wait.correlation_id}`;
  return (
    <Facts
      facts={[
        ["waits for", wait.kind === "sleep" ? "the time" : wait.kind === "event" ? "an event" : "another task"],
        ["which", target === null ? "–" : <code>{visible(target)}</code>],
        ["since", dateTime(wait.created_at)],
        ["until", wait.deadline_at === null ? "it comes" : dateTime(wait.deadline_at)],
      ]}
    />
  );
}

function AttemptDetail({ attempt }: { readonly attempt: Attempt }) {
  return (
    <>
      <Facts
        facts={[
          ["state", <State state={attempt.status} />],
          ["run", <code>{attempt.run_id}</code>],
          ["created", dateTime(attempt.created_at)],
          ["started", attempt.started_at === null ? "not yet" : dateTime(attempt.started_at)],
          ["finished", attempt.finished_at === null ? "not yet" : dateTime(attempt.finished_at)],
          ["version", <code>{attempt.generation?.slice(0, 12) ?? "–"}</code>],
        ]}
      />
      {attempt.failure && <FailureView failure={attempt.failure} />}
    </>
  );
}

function ChildDetail({ child }: { readonly child: RunView }) {
  return (
    <>
      <p>
        <State state={child.status} /> <a href={runPath(child.task_id)}>Open this run</a>
      </p>
      <h3>Input</h3>
      <JsonTree value={child.input} open />
      {child.result && (
        <>
          <h3>Result</h3>
          <JsonTree value={child.result.output} open />
        </>
      )}
    </>
  );
}

function EffectDetail({ effect }: { readonly effect: Effect }) {
  return (
    <>
      <Facts
        facts={[
          ["state", effect.state],
          ["how real", `${effect.nature}, answered by ${visible(effect.by)}`],
          ["took", effect.duration_ms === null ? "not yet" : duration(effect.duration_ms)],
          ["error", effect.error === null ? "none" : <LongText text={effect.error} />],
        ]}
      />
      <h3>Sent</h3>
      <JsonTree value={effect.request} open />
      <h3>Answer</h3>
      <JsonTree value={effect.answer} open />
    </>
  );
}
