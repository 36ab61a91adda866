// How the calls of a forked task are answered: what the task it came from has done already is not done again. Looked up only at a call.
import { readForkRef, type ForkRef } from "../core/fork-ref.ts";
import type { TaskId } from "../core/ids.ts";
import type { CallAnswer, CtxCall } from "../ports/host.ts";
import type { Store } from "../ports/store.ts";
import { RecordedEffects, UnrecordedCall } from "./recorded-effects.ts";

/** Null: the call goes out as any. */
export type RecordedAnswer = (taskId: TaskId, call: CtxCall) => Promise<CallAnswer | null>;

interface Origin {
  readonly ref: ForkRef;
  readonly effects: RecordedEffects;
}

/** Tasks whose cause is remembered. */
const MOST = 1_000;

export function createForkAnswers(store: Pick<Store, "reads" | "effects">): RecordedAnswer {
  const origins = new Map<TaskId, Promise<Origin | null>>();
  const read = async (taskId: TaskId): Promise<Origin | null> => {
    const found = await store.reads.find(taskId);
    const ref = found && readForkRef(found.task.cause);
    return ref && { ref, effects: new RecordedEffects(store, ref.taskId) };
  };
  const originOf = (taskId: TaskId): Promise<Origin | null> => {
    const known = origins.get(taskId);
    if (known) return known;
    const reading = read(taskId);
    origins.set(taskId, reading);
    reading.catch(() => origins.delete(taskId));
    for (const oldest of origins.keys()) {
      if (origins.size <= MOST) break;
      origins.delete(oldest);
    }
    return reading;
  };
  return async (taskId, call) => {
    const origin = await originOf(taskId);
    if (origin === null || origin.ref.effects === "live") return null;
    try {
      return await answerOf(origin, call);
    } catch (error) {
      if (!(error instanceof UnrecordedCall)) throw error;
      if (origin.ref.effects === "recorded") return null;
      if (origin.ref.effects === "stubbed") return { ok: true, value: "null" as CtxCall["args"] };
      return { ok: false, error: `${error.message}, and this fork makes no calls (--effects blocked)` };
    }
  };
}

/** A failed call is made again: to get further is what a fork is for. */
async function answerOf({ effects }: Origin, call: CtxCall): Promise<CallAnswer> {
  const answer = await effects.answer(call);
  if (!answer.ok) throw new UnrecordedCall(call.type, call.ordinal, "it had failed");
  return answer;
}
