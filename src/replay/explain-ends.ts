// How an ended task ended: the last failure with its place, how its process ended, what was done before.
import { ago, type Finding } from "./finding.ts";
import type { ExplainFacts } from "./explain-facts.ts";

const CRASHES: Readonly<Record<string, string>> = {
  exit: "the workflow's process ended by itself (sys.exit, os._exit, a crash of a native module)",
  signal: "the workflow's process was killed by a signal",
  oom: "the workflow's process was killed for want of memory",
  import_loop: "the workflow's process ended again and again while it imported the code",
  stalled: "the workflow's process did not answer any more: code that blocks without giving way",
};
const FRAME = /^\s*File "([^"]+)", line (\d+), in (.+)$/gm;

export function ended({ task, run, runs, last, now }: ExplainFacts): Finding[] {
  const when = task.finishedAt === null ? "" : ` ${ago(task.finishedAt, now)}`;
  if (task.state === "completed") return [{ kind: "completed", message: `it completed${when}`, hint: null }];
  const after = last ? `after step ${last.name}` : "before any step was recorded";
  if (task.state === "cancelled") {
    return [{ kind: "cancelled", message: `it was cancelled${when}, ${after}`, hint: null }];
  }
  const { failure } = run;
  if (!failure) return [{ kind: "failed", message: `it failed${when}, ${after}`, hint: null }];
  const place = [...(failure.traceback ?? "").matchAll(FRAME)].at(-1);
  const at = place ? ` at ${place[1]}:${place[2]} in ${place[3]}` : "";
  const attempts = runs.length > 1 ? `; it was attempt ${run.attempt} of ${task.maxAttempts}` : "";
  const message = `it failed${when}, ${after}: ${failure.name}: ${failure.message}${at}${attempts}`;
  const crash = failure.crash === undefined ? null : (CRASHES[failure.crash] ?? `its process ended: ${failure.crash}`);
  const early =
    run.attempt < task.maxAttempts && crash === null
      ? "It was not retryable: no attempt followed although some were left."
      : null;
  return [
    { kind: "failed", message, hint: early },
    ...(crash === null ? [] : [{ kind: "crashed", message: crash, hint: null } as const]),
  ];
}
