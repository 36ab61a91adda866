// What in the workflow folders does not load or is doubtful, where, why, and what serves meanwhile.
import type { Problem } from "../data/api.ts";
import { post, type Refusal } from "../data/client.ts";
import { useSignal } from "@preact/signals";
import { openStart } from "../actions/start-dialog.tsx";
import { catalog } from "./catalog.ts";
import { LongText, visible } from "./json-tree.tsx";
import { Empty, Fault } from "./marks.tsx";
import { session } from "./session.ts";
import { dateTime, duration } from "./times.ts";

export function ProblemsPage() {
  const known = catalog.value;
  const fault = useSignal<Refusal | null>(null);
  if (!known) return <p class="faint">Loading…</p>;
  const canChange = session.value?.read_only === false;
  const reload = (): void => {
    post("/api/workflows/reload").then(
      () => (fault.value = null),
      (error: Refusal) => (fault.value = error),
    );
  };
  return (
    <section>
      <h1>Workflows and their files</h1>
      <p>
        Version <code>{known.generation.slice(0, 12)}</code>
        {known.loaded_at !== null && `, loaded ${dateTime(known.loaded_at)} in ${duration(known.load_ms)}`}{" "}
        {canChange && (
          <button type="button" onClick={reload}>
            Load again
          </button>
        )}
      </p>
      {fault.value && <Fault fault={fault.value} />}
      {known.problems.length === 0 && <Empty title="Everything loads" />}
      {known.problems.map((problem, index) => (
        <ProblemView key={index} problem={problem} />
      ))}
      <h2>Serving</h2>
      <ul class="plain">
        {known.workflows.map((workflow) => (
          <li key={workflow.workflow_name}>
            <strong>{visible(workflow.workflow_name)}</strong>{" "}
            <code class="faint">{visible(workflow.source_path)}</code>{" "}
            {!workflow.current && <span class="bad">an older version, until the file loads again</span>}{" "}
            {canChange && (
              <button type="button" onClick={() => openStart(workflow.workflow_name)}>
                Start…
              </button>
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}

function ProblemView({ problem }: { readonly problem: Problem }) {
  const place = problem.line === null ? problem.path : `${problem.path}:${problem.line}`;
  return (
    <div class={problem.severity === "error" ? "fault" : "fault warning"} role="group" aria-label={problem.severity}>
      <code>{visible(place)}</code> <span class="faint">{problem.kind}</span>
      <p>
        <LongText text={problem.message} />
      </p>
      {problem.traceback !== null && (
        <details open={problem.severity === "error"}>
          <summary>Traceback</summary>
          <pre>
            <LongText text={problem.traceback} />
          </pre>
        </details>
      )}
    </div>
  );
}
