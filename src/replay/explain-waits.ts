// What a sleeping run waits for, and what nearly woke it: events with almost its name, a child that ended badly.
import { formatDuration } from "../core/duration.ts";
import { parsePythonEventName } from "../core/keys.ts";
import { nearest } from "../core/nearest.ts";
import type { EmittedName } from "../ports/store-insight.ts";
import type { Wait } from "../ports/store-types.ts";
import { ago, instant, type Finding } from "./finding.ts";
import type { ExplainFacts } from "./explain-facts.ts";

const MOST_NEAR = 3;

export function waited(facts: ExplainFacts): Finding[] {
  return facts.waits.flatMap((wait) => {
    if (wait.kind === "sleep") return [sleeps(wait, facts)];
    if (wait.kind === "task") return [waitsForTask(wait, facts)];
    return waitsForEvent(wait, facts);
  });
}

function sleeps({ step, deadlineAt }: Wait, { now }: ExplainFacts): Finding {
  if (deadlineAt === null) return { kind: "time", message: `step ${step} sleeps`, hint: null };
  const over = deadlineAt <= now ? "its time has come" : `${formatDuration(deadlineAt - now)} are left`;
  return { kind: "time", message: `step ${step} sleeps until ${instant(deadlineAt)}: ${over}`, hint: null };
}

function until({ deadlineAt }: Wait, now: number): string {
  return deadlineAt === null ? ", for as long as it takes" : `, until ${instant(deadlineAt)} (${ago(deadlineAt, now)})`;
}

function waitsForTask(wait: Wait, facts: ExplainFacts): Finding {
  const child = wait.target === null ? null : facts.children.get(wait.target);
  const which = `step ${wait.step} waits for task ${wait.target}`;
  if (!child) return { kind: "child", message: `${which}, which is not in this store`, hint: null };
  const { workflowName, state, taskId } = child.task;
  if (state === "failed" || state === "cancelled") {
    const why = child.run.failure ? `: ${child.run.failure.name}: ${child.run.failure.message}` : "";
    const message = `${which} (${workflowName}), which has ${state === "failed" ? "failed" : "been cancelled"}${why}`;
    return { kind: "child_ended_badly", message, hint: `See "chiron runs explain ${taskId}".` };
  }
  const attempts = child.task.attempts > 1 ? `, attempt ${child.task.attempts} of ${child.task.maxAttempts}` : "";
  const message = `${which} (${workflowName}), which is ${state}${attempts}${until(wait, facts.now)}`;
  return { kind: "child", message, hint: `Why that one does not end: "chiron runs explain ${taskId}".` };
}

function waitsForEvent(wait: Wait, facts: ExplainFacts): Finding[] {
  const { step, target } = wait;
  if (target === null) return [];
  const message = `step ${step} waits for ${eventText(target)}${until(wait, facts.now)}`;
  const near = nearMisses(target, facts.near.get(target) ?? [], facts.now);
  return [{ kind: "event", message, hint: null }, ...near];
}

function eventText(name: string): string {
  const pair = parsePythonEventName(name);
  return pair ? `event ${pair.eventType} of ${JSON.stringify(pair.correlationId)}` : `event ${name}`;
}

/** Events that were emitted and are nearly the one that is waited for, the likeliest first. */
export function nearMisses(target: string, emitted: readonly EmittedName[], now: number): Finding[] {
  const wanted = parsePythonEventName(target);
  const found = (wanted ? nearPairs(wanted, emitted) : nearNames(target, emitted)).slice(0, MOST_NEAR);
  return found.map(({ event, why }) => ({
    kind: "near_event",
    message: `${eventText(event.name)} was emitted ${ago(event.emittedAt, now)}: ${why}`,
    hint: "If that was meant for this run, emit it again under the name the run waits for.",
  }));
}

interface Near {
  readonly event: EmittedName;
  readonly why: string;
  readonly rank: number;
}

function nearPairs(
  { eventType, correlationId }: { readonly eventType: string; readonly correlationId: string },
  emitted: readonly EmittedName[],
): Near[] {
  const found = emitted.flatMap((event): Near[] => {
    const pair = parsePythonEventName(event.name);
    if (!pair) {
      const isPlain = event.name === eventType || event.name === `${eventType}:${correlationId}`;
      return isPlain ? [{ event, rank: 1, why: "by its bare name, without the correlation id as a part of it" }] : [];
    }
    const sameId = pair.correlationId === correlationId;
    if (pair.eventType === eventType && !sameId) {
      const almost = isAlike(pair.correlationId, correlationId);
      return [
        { event, rank: almost ? 0 : 3, why: almost ? "almost the same correlation id" : "another correlation id" },
      ];
    }
    if (pair.eventType === eventType || !isAlike(pair.eventType, eventType)) return [];
    if (sameId) return [{ event, rank: 0, why: "almost the same type" }];
    return isAlike(pair.correlationId, correlationId) ? [{ event, rank: 2, why: "almost the same type and id" }] : [];
  });
  return found.toSorted((a, b) => a.rank - b.rank || b.event.emittedAt - a.event.emittedAt);
}

function nearNames(target: string, emitted: readonly EmittedName[]): Near[] {
  const byName = new Map(emitted.map((event) => [event.name, event]));
  byName.delete(target);
  const typed = [...byName.values()].flatMap((event): Near[] => {
    const isTyped = parsePythonEventName(event.name)?.eventType === target;
    return isTyped ? [{ event, rank: 0, why: "with a correlation id, which the run does not wait for" }] : [];
  });
  const alike = nearest(target, byName.keys()).map((name) => ({
    event: byName.get(name)!,
    rank: 1,
    why: "almost the same name",
  }));
  return [...typed, ...alike];
}

function isAlike(a: string, b: string): boolean {
  const bare = (text: string): string =>
    text
      .toLowerCase()
      .replace(/[^\p{L}\p{N}]/gu, "")
      .replace(/^0+(?=\d)/, "");
  if (bare(a) === bare(b)) return true;
  // A number or two off is another thing's id, not a slip of the pen.
  return !/\d/.test(a + b) && nearest(a, [b]).length > 0;
}
