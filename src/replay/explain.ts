// Why a task does not go on, or how it ended, in sentences with their ids, and what can be done. Decides nothing and reads nothing:
// everything it says is in the facts.
import { formatDuration } from "../core/duration.ts";
import { isTerminal } from "../core/states.ts";
import { ended } from "./explain-ends.ts";
import type { ExplainFacts } from "./explain-facts.ts";
import { queued, worked } from "./explain-queue.ts";
import { ago, instant, type Finding } from "./finding.ts";
import { waited } from "./explain-waits.ts";

/** A command, and what it would do. */
export interface NextStep {
  readonly command: string;
  readonly effect: string;
}

export interface Explanation {
  readonly summary: string;
  readonly findings: readonly Finding[];
  readonly next: readonly NextStep[];
}

export function explain(facts: ExplainFacts): Explanation {
  const { task } = facts;
  const own = isTerminal(task.state) ? ended(facts) : [...goingOn(facts), ...around(facts)];
  const findings = [...own, ...imported(facts), ...paused(facts)];
  return { summary: findings[0]?.message ?? `it is ${task.state}`, findings, next: nextSteps(facts) };
}

function goingOn(facts: ExplainFacts): Finding[] {
  const { state } = facts.task;
  if (state === "sleeping" && facts.waits.length > 0) return waited(facts);
  return state === "running" ? worked(facts) : queued(facts);
}

/** What keeps it although its time has come, or would when it comes. */
function around(facts: ExplainFacts): Finding[] {
  const { task, workflow, allowed, mode, clock } = facts;
  const found: Finding[] = [];
  if (!allowed) {
    const message = `workflow ${task.workflowName} is not allowed to run here`;
    found.push({
      kind: "not_allowed",
      message,
      hint: "Add it to WORKFLOW_ALLOWED_NAMES, or drop WORKFLOW_ENABLE_MODE.",
    });
  }
  if (workflow && !workflow.loaded) {
    const why =
      workflow.problems.length > 0 ? `: ${workflow.problems[0]}` : " and no file that failed to load names it";
    const alike = workflow.alike.length > 0 ? ` Loaded are: ${workflow.alike.join(", ")}.` : "";
    const message = `its workflow ${task.workflowName} is not loaded${why}`;
    found.push({ kind: "not_loaded", message, hint: `It goes on by itself when the workflow is back.${alike}` });
  }
  if (mode === "local") {
    const message = "no process of this machine works on this store now";
    found.push({
      kind: "nobody_works",
      message,
      hint: 'Start "chiron dev" or "chiron serve", or wait for it with "chiron run --wait".',
    });
  }
  if (clock.mode === "frozen") {
    const away = formatDuration(Math.abs(clock.nowMs - clock.realMs));
    const message = `the clock stands still at ${instant(clock.nowMs)}, ${away} from the real time: nothing becomes due by itself`;
    found.push({
      kind: "clock",
      message,
      hint: '"chiron clock next" goes to the next due moment, "chiron clock follow" to the real time.',
    });
  }
  return found;
}

function imported({ task }: ExplainFacts): Finding[] {
  if (task.cause.kind !== "import") return [];
  const message = `it ran elsewhere (${task.cause.ref ?? ""}) and was imported as a record: it never runs here`;
  return [{ kind: "imported", message, hint: "Its log says what it waited for." }];
}

function paused({ schedules, now }: ExplainFacts): Finding[] {
  return schedules.flatMap(({ scheduleId, pausedAt, held }) => {
    if (pausedAt === null) return [];
    const waiting = held > 0 ? `, and ${held} occurrences wait` : "";
    const message = `its schedule ${scheduleId} is paused since ${ago(pausedAt, now)}: it starts no further runs${waiting}`;
    return [
      { kind: "schedule_paused", message, hint: `"chiron schedules resume ${scheduleId}" lets it go on.` } as const,
    ];
  });
}

function nextSteps({ task, waits }: ExplainFacts): NextStep[] {
  const { taskId, state } = task;
  if (state === "failed" && task.cause.kind !== "import") {
    return [
      { command: `chiron runs retry ${taskId}`, effect: "one more attempt; finished steps are not repeated" },
      { command: `chiron runs show ${taskId}`, effect: "the traceback, steps and log" },
    ];
  }
  if (isTerminal(state)) return [];
  const cancel = { command: `chiron runs cancel ${taskId}`, effect: "ends it" };
  const emits = waits.flatMap(({ kind, target }) =>
    kind === "event" && target !== null ? [{ command: emitCommand(target), effect: "wakes it" }] : [],
  );
  return [...emits, cancel];
}

function emitCommand(target: string): string {
  return `chiron events emit ${quoted(target)} --payload '{}'`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
