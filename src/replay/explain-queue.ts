// Why a run that could go on does not, and what one that does is at: places of its queue, back-off, whose claim it is.
import { formatDuration } from "../core/duration.ts";
import { ago, instant, type Finding } from "./finding.ts";
import type { ExplainFacts } from "./explain-facts.ts";

const NAMED_HOLDERS = 4;

/** Of a run that is in its queue. */
export function queued(facts: ExplainFacts): Finding[] {
  const { run, runs, now, task } = facts;
  const { availableAt } = run;
  if (availableAt !== null && availableAt > now) {
    const before = runs.findLast(({ runId, failure }) => runId !== run.runId && failure !== null);
    const until = `${instant(availableAt)} (${ago(availableAt, now)})`;
    const message =
      before && run.startedAt === null
        ? `attempt ${run.attempt} of ${task.maxAttempts} is held back until ${until}, because attempt ${before.attempt} failed: ${before.failure!.name}: ${before.failure!.message}`
        : `it was given back and is looked at again at ${until}`;
    return [{ kind: "backoff", message, hint: null }];
  }
  return places(facts);
}

function places({ task, lane, concurrency, now, run, mode }: ExplainFacts): Finding[] {
  const found: Finding[] = [];
  const { holders, ahead } = lane;
  const since = run.availableAt === null ? "" : ` since ${ago(run.availableAt, now)}`;
  if (concurrency !== null && holders.length >= concurrency) {
    const names = holders.slice(0, NAMED_HOLDERS).map(({ workflowName, taskId, startedAt }) => {
      const for_ = startedAt === null ? "" : ` for ${formatDuration(Math.max(0, now - startedAt))}`;
      return `${workflowName} ${taskId}${for_}`;
    });
    const more = holders.length > NAMED_HOLDERS ? ` and ${holders.length - NAMED_HOLDERS} more` : "";
    const message = `it is due${since}, and all ${concurrency} places of queue ${task.queue} are taken: by ${names.join(", ")}${more}`;
    found.push({
      kind: "queue_full",
      message,
      hint: "More places: WORKFLOW_WORKER_CONCURRENCY and its siblings, see the configuration.",
    });
  } else {
    const next = mode === "local" ? "" : ", and a place is free: it begins as soon as it is claimed";
    found.push({ kind: "due", message: `it is due${since}${next}`, hint: null });
  }
  if (ahead > 0) {
    const message = `${ahead} due ${ahead === 1 ? "run is" : "runs are"} before it in queue ${task.queue}`;
    found.push({ kind: "queue_position", message, hint: null });
  }
  return found;
}

/** Of a run that somebody has claimed. */
export function worked(facts: ExplainFacts): Finding[] {
  const { run, lane, now, leaseMs, renewMs, last, calls } = facts;
  const holder = lane.holders.find(({ runId }) => runId === run.runId);
  const since = last
    ? `, its last step ${last.name} was recorded ${ago(last.createdAt, now)}`
    : ", no step is recorded yet";
  const open = calls.map(({ callType, target, startedAt }): Finding => ({
    kind: "call",
    message: `it waits for ${callType}${target === null ? "" : ` to ${target}`}, called ${ago(startedAt, now)}`,
    hint: null,
  }));
  if (!holder) return [{ kind: "held", message: `it runs${since}`, hint: null }, ...open];
  const { owner, leaseUntil } = holder;
  // A live holder renews long before: one that has missed two renewals is dead, frozen or cut off.
  const isSilent = leaseUntil <= now || (leaseMs > 3 * renewMs && leaseUntil - now < leaseMs - 2 * renewMs - 5_000);
  if (!isSilent && facts.mode !== "local") {
    return [{ kind: "held", message: `${owner} works on it${since}`, hint: null }, ...open];
  }
  const message =
    leaseUntil <= now
      ? `${owner} claimed it and has given no sign of life; its lease ended ${ago(leaseUntil, now)}`
      : `${owner} claimed it and ${facts.mode === "local" ? "may be gone" : "has given no sign of life lately"}; its lease ends ${instant(leaseUntil)} (${ago(leaseUntil, now)})`;
  const hint = "Then this attempt counts as failed, and the next one begins where the recorded steps end.";
  return [{ kind: "dead_holder", message, hint }];
}
