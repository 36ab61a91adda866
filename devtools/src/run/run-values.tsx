// What went into a task and what came out of it.
import type { RunView } from "../data/api.ts";
import { JsonTree } from "../shell/json-tree.tsx";

export function RunValues({ run }: { readonly run: RunView }) {
  return (
    <>
      <h2>Input</h2>
      <JsonTree value={run.input} open />
      <h2>Result</h2>
      {run.result ? <JsonTree value={run.result.output} open /> : <p class="faint">none yet</p>}
      <p class="faint">Choose a row of the timeline to see what it left behind.</p>
    </>
  );
}
