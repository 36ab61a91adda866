// A task's history as rows with bars over time. Pure. What the store does not keep is not made up: a wait that is over began, as far as
// can be told, when the record before it ended.
import type { Attempt, Checkpoint, Effect, RunView, Wait } from "../data/api.ts";

export type BarKind = "queued" | "running" | "sleeping" | "waiting" | "failed" | "replayed" | "effect" | "completed";

export interface Bar {
  readonly kind: BarKind;
  readonly from: number;
  readonly to: number;
  readonly title: string;
}

export interface Row {
  readonly id: string;
  readonly kind: "attempt" | "step" | "sleep" | "event" | "task" | "timeout" | "wait" | "child" | "effect";
  readonly label: string;
  readonly bars: readonly Bar[];
  readonly at: number;
  readonly checkpoint?: Checkpoint;
  readonly wait?: Wait;
  readonly attempt?: Attempt;
  readonly child?: RunView;
  readonly effect?: Effect;
}

export interface Timeline {
  readonly rows: readonly Row[];
  readonly from: number;
  readonly to: number;
}

export interface History {
  readonly attempts: readonly Attempt[];
  readonly checkpoints: readonly Checkpoint[];
  readonly waits: readonly Wait[];
  readonly children: readonly RunView[];
  readonly effects: readonly Effect[];
}

const ms = (at: string): number => Date.parse(at);

/** Every row in the order of its beginning, and the time that they span. */
export function timelineOf(history: History, now: number): Timeline {
  const rows = [
    ...attemptRows(history, now),
    ...checkpointRows(history),
    ...history.waits.map((wait) => waitRow(wait, now)),
    ...history.children.map((child) => childRow(child, now)),
    ...history.effects.map((effect) => effectRow(effect, now)),
  ].toSorted((a, b) => a.at - b.at);
  let from = Infinity;
  let to = -Infinity;
  for (const { bars } of rows) {
    for (const bar of bars) {
      from = Math.min(from, bar.from);
      to = Math.max(to, bar.to);
    }
  }
  return from > to ? { rows, from: now, to: now + 1 } : { rows, from, to: Math.max(to, from + 1) };
}

function attemptRows({ attempts }: History, now: number): Row[] {
  return attempts.map((attempt) => {
    const created = ms(attempt.created_at);
    const started = attempt.started_at === null ? null : ms(attempt.started_at);
    const ended = attempt.finished_at === null ? now : ms(attempt.finished_at);
    const bars: Bar[] = [{ kind: "queued", from: created, to: Math.max(created, started ?? ended), title: "queued" }];
    if (started !== null) bars.push({ kind: endOf(attempt), from: started, to: ended, title: attempt.status });
    return {
      id: `attempt:${attempt.attempt}`,
      kind: "attempt",
      label: `Attempt ${attempt.attempt}`,
      bars,
      at: created,
      attempt,
    };
  });
}

function endOf({ status }: Attempt): BarKind {
  if (status === "failed" || status === "cancelled") return "failed";
  return status === "sleeping" ? "sleeping" : "completed";
}

function checkpointRows({ checkpoints, attempts }: History): Row[] {
  const starts = new Map(attempts.map((one) => [one.attempt, one.started_at ?? one.created_at]));
  const later = attempts.filter((one) => one.started_at !== null);
  let before = -Infinity;
  return checkpoints.map((checkpoint) => {
    const to = ms(checkpoint.created_at);
    const begun = ms(starts.get(checkpoint.attempt) ?? checkpoint.created_at);
    const isStep = checkpoint.kind === "step";
    const from = isStep ? to - checkpoint.duration_ms : Math.min(to, Math.max(before, begun));
    before = to;
    const kind: BarKind = isStep ? "running" : checkpoint.kind === "sleep" ? "sleeping" : "waiting";
    const replays = later
      .filter((one) => one.attempt > checkpoint.attempt)
      .map((one): Bar => {
        const at = ms(one.started_at!);
        return { kind: "replayed", from: at, to: at, title: `replayed in attempt ${one.attempt}` };
      });
    const bars: Bar[] = [{ kind, from, to, title: checkpoint.kind }, ...replays];
    return { id: `step:${checkpoint.name}`, kind: checkpoint.kind, label: checkpoint.name, bars, at: from, checkpoint };
  });
}

function waitRow(wait: Wait, now: number): Row {
  const from = ms(wait.created_at);
  const kind: BarKind = wait.kind === "sleep" ? "sleeping" : "waiting";
  return {
    id: `wait:${wait.step}`,
    kind: "wait",
    label: wait.step,
    bars: [{ kind, from, to: Math.max(from, now), title: `${kind} now` }],
    at: from,
    wait,
  };
}

function childRow(child: RunView, now: number): Row {
  const from = ms(child.created_at);
  const to = child.finished_at === null ? now : ms(child.finished_at);
  const kind: BarKind = child.status === "failed" || child.status === "cancelled" ? "failed" : "completed";
  return {
    id: `child:${child.task_id}`,
    kind: "child",
    label: child.workflow_name,
    bars: [{ kind, from, to: Math.max(from, to), title: `child ${child.status}` }],
    at: from,
    child,
  };
}

function effectRow(effect: Effect, now: number): Row {
  const from = ms(effect.started_at);
  const to = effect.finished_at === null ? now : ms(effect.finished_at);
  return {
    id: `effect:${effect.id}`,
    kind: "effect",
    label: effect.target === null ? effect.call : `${effect.call} ${effect.target}`,
    bars: [{ kind: effect.error === null ? "effect" : "failed", from, to: Math.max(from, to), title: effect.nature }],
    at: from,
    effect,
  };
}
