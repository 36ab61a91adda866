// `chiron runs retry` for many: the failed runs of a workflow, each with what the code of now would do with its record before it is retried.
import { ChironError, errorInfo, messageOf } from "../core/errors.ts";
import type { Client } from "./client.ts";
import { wholeNumber, type CommandContext } from "./command.ts";
import { printable, type Output } from "./output.ts";
import type { WireReplay } from "./replay-page.ts";
import { shortId } from "./run-id.ts";
import { runPath, type WireRun } from "./wire-run.ts";

export interface RetryManyOptions {
  readonly workflow?: string;
  readonly failed?: boolean;
  readonly last?: string;
  readonly dryRun?: boolean;
}

interface Retried {
  readonly id: string;
  readonly task_id: string;
  /** follows: the code goes along with the record to where the run failed. diverged: it leaves it. unclear: that cannot be said. */
  readonly plan: "follows" | "diverged" | "unclear";
  readonly message: string;
  readonly ok: boolean;
  readonly run_id?: string;
}

const DEFAULT_LAST = 100;
const MOST = 1_000;

/** Failed runs that are meant, the newest last: so they begin again in the order in which they were made. */
export async function failedRuns(client: Client, { workflow, last }: RetryManyOptions): Promise<readonly WireRun[]> {
  const limit = last === undefined ? DEFAULT_LAST : wholeNumber(last, "--last", 1, MOST);
  const query = new URLSearchParams({ status: "failed", limit: String(limit) });
  if (workflow !== undefined) query.set("workflow_name", workflow);
  const { runs } = await client.get(`/api/workflows/runs?${query.toString()}`);
  return (runs as readonly WireRun[]).toReversed();
}

/** Plans and retries these one after the other; one that leaves its record is left as it is. The exit code is that of the first refusal. */
export async function retryRuns(
  { output }: CommandContext,
  client: Client,
  runs: readonly WireRun[],
  { dryRun = false }: RetryManyOptions,
): Promise<number> {
  const results: Retried[] = [];
  let exit = 0;
  for (const { run_id: id, task_id: taskId, workflow_name: name } of runs) {
    try {
      const result = await retryRun(client, id, taskId, dryRun);
      results.push(result);
      tell(output, name, result, dryRun);
    } catch (error) {
      const code = error instanceof ChironError ? error.code : "internal";
      exit ||= errorInfo(code).exit;
      results.push({ id, task_id: taskId, plan: "unclear", message: messageOf(error), ok: false });
      if (!output.json) output.fail(error);
    }
  }
  const left = results.filter(({ plan }) => plan === "diverged").length;
  if (output.json) output.printJson({ ok: exit === 0, dry_run: dryRun, results });
  else if (runs.length === 0) output.note("no failed run fits");
  if (left > 0)
    output.note(`${left} would leave their record; retry one with its id, or fork it: chiron fork ID --from STEP`);
  return exit;
}

async function retryRun(client: Client, id: string, taskId: string, dryRun: boolean): Promise<Retried> {
  const replay = (await client.post(runPath(id, "replay"))) as unknown as WireReplay;
  const { divergence, end } = replay;
  const plan = divergence !== null ? "diverged" : end.kind === "lost" || end.kind === "blocked" ? "unclear" : "follows";
  const kept = replay.plan.filter(({ fate }) => fate === "kept").length;
  const message = divergence?.message ?? `${kept} steps kept, ${end.message ?? "then the handler returns"}`;
  const planned = { id, task_id: taskId, plan, message } as const;
  if (dryRun || plan === "diverged") return { ...planned, ok: plan !== "diverged" };
  const answer = await client.post(`${runPath(id, "retry")}?code=newest`);
  return { ...planned, ok: true, run_id: String(answer["run_id"]) };
}

function tell(output: Output, name: string, { id, plan, message, run_id }: Retried, dryRun: boolean): void {
  if (output.json) return;
  const what = plan === "diverged" ? "left" : dryRun ? "would retry" : `retried as ${shortId(run_id!)}`;
  const style = plan === "diverged" ? "red" : plan === "unclear" ? "yellow" : "green";
  output.print(`${shortId(id)} ${printable(name)}  ${output.style(style, what)}: ${printable(message)}`);
}
