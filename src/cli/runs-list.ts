// `chiron runs list`: the newest tasks, one line each.
import type { Command } from "commander";
import { formatDuration } from "../core/duration.ts";
import { ChironError } from "../core/errors.ts";
import { nearest } from "../core/nearest.ts";
import { isState, STATES, type State } from "../core/states.ts";
import {
  action,
  wholeNumber,
  withCommonOptions,
  type CommandContext,
  type CommandDeps,
  type CommonOptions,
} from "./command.ts";
import { shortId } from "./run-id.ts";
import { stateStyle } from "./state-style.ts";
import { cutText } from "./value-text.ts";
import { relative } from "./when.ts";
import type { WireRun } from "./wire-run.ts";
import { withClient } from "./with-client.ts";

interface ListOptions extends CommonOptions {
  readonly status?: readonly string[];
  readonly workflow?: string;
  readonly limit: string;
  readonly cursor?: string;
}

const EXAMPLES = `
Examples:
  $ chiron runs list --limit 10
  $ chiron runs list --status failed,cancelled --workflow hello
  $ chiron runs list --json | jq -r '.runs[].task_id'`;

const HEADER = ["RUN", "WORKFLOW", "STATUS", "ATTEMPT", "CREATED", "TOOK", ""];
const STATUS_COLUMN = 2;

export function addRunsListCommand(runs: Command, deps: CommandDeps): void {
  withCommonOptions(runs.command("list"))
    .description("list the newest runs")
    .option("--status <states...>", `only these states: ${STATES.join(", ")}`)
    .option("--workflow <name>", "only runs of this workflow")
    .option("--limit <n>", "how many", "20")
    .option("--cursor <id>", "only runs older than this; --json answers it as next_cursor")
    .addHelpText("after", EXAMPLES)
    .action(action<ListOptions>(deps, list));
}

async function list(context: CommandContext, options: ListOptions): Promise<void> {
  const query = new URLSearchParams({ limit: String(wholeNumber(options.limit, "--limit", 1, 1_000)) });
  if (options.status) query.set("status", statesOf(options.status).join(","));
  if (options.workflow) query.set("workflow_name", options.workflow);
  if (options.cursor) query.set("cursor", options.cursor);
  const { output } = context;
  await withClient(context, options, false, async (client) => {
    const text = await (await client.open(`/api/workflows/runs?${query.toString()}`)).text();
    if (output.json) return output.print(text);
    const page = JSON.parse(text) as { runs: readonly WireRun[]; next_cursor: string | null };
    if (page.runs.length === 0) return output.note("no runs");
    const now = client.now();
    output.table(
      HEADER,
      page.runs.map((run) => rowOf(run, now)),
      (cell, row, column) => (column === STATUS_COLUMN ? output.style(stateStyle(page.runs[row]!.status), cell) : cell),
    );
    if (page.next_cursor) output.note(`more with --cursor ${page.next_cursor}`);
  });
}

/** States from any mix of repeated options and commas. Throws bad_request with the nearest word. */
export function statesOf(words: readonly string[]): State[] {
  return words
    .flatMap((word) => word.split(","))
    .map((word) => word.trim().toLowerCase())
    .filter((word) => word !== "")
    .map((word) => {
      if (isState(word)) return word;
      const [near] = nearest(word, STATES, 1);
      throw new ChironError("bad_request", `--status: ${word} is not a state`, {
        hint: near ? `Did you mean ${near}?` : `The states are ${STATES.join(", ")}.`,
      });
    });
}

function rowOf(run: WireRun, now: number): string[] {
  const { run_id, workflow_name, status, attempt, max_attempts, created_at } = run;
  const attempts = attempt > 1 ? `${attempt} of ${max_attempts}` : String(attempt);
  return [shortId(run_id), workflow_name, status, attempts, relative(created_at, now), took(run), remark(run, now)];
}

function took({ started_at, finished_at }: WireRun): string {
  if (started_at === null || finished_at === null) return "";
  return formatDuration(Math.max(0, Date.parse(finished_at) - Date.parse(started_at)));
}

function remark({ status, failure, wake_at }: WireRun, now: number): string {
  if (failure) return cutText(`${failure.name}: ${failure.message}`, 60);
  return status === "sleeping" && wake_at !== null ? `wakes ${relative(wake_at, now)}` : "";
}
