// What the cause of a forked task refers to: the task it was forked from, and how. One text, because a cause is one; the task's id comes first.
import { isUuid, type TaskId } from "./ids.ts";

/** recorded: a call that the other task made is answered as it was, others go out. stubbed: they get null. blocked: they fail. live: all go out. */
export const FORK_EFFECTS = ["recorded", "stubbed", "blocked", "live"] as const;
export type ForkEffects = (typeof FORK_EFFECTS)[number];

export interface ForkRef {
  readonly taskId: TaskId;
  readonly effects: ForkEffects;
  /** How many checkpoints were taken over. */
  readonly kept: number;
  /** Names of those with another result. */
  readonly edited: readonly string[];
}

export function writeForkRef({ taskId, effects, kept, edited }: ForkRef): string {
  const query = new URLSearchParams({ effects, kept: String(kept) });
  for (const name of edited) query.append("edited", name);
  return `${taskId}?${query.toString()}`;
}

/** Null for what writeForkRef did not write. */
export function readForkRef(cause: { readonly kind: string; readonly ref?: string }): ForkRef | null {
  if (cause.kind !== "fork" || cause.ref === undefined) return null;
  const [taskId = "", query = ""] = cause.ref.split("?", 2);
  const fields = new URLSearchParams(query);
  const effects = FORK_EFFECTS.find((one) => one === fields.get("effects"));
  if (!isUuid(taskId) || !effects) return null;
  return { taskId: taskId as TaskId, effects, kept: Number(fields.get("kept")), edited: fields.getAll("edited") };
}
