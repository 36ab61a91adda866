// Answers what a replayed handler asks of the world from what the task was answered: the outbox, and the children it started. Asks nobody
// else. What is not on record is an UnrecordedCall.
import { isIncomplete } from "../core/effect-values.ts";
import { readForkRef } from "../core/fork-ref.ts";
import { parseJson, toJsonText, type JsonText } from "../core/json-text.ts";
import { childStartKey } from "../core/keys.ts";
import type { TaskId } from "../core/ids.ts";
import type { CallAnswer, CtxCall } from "../ports/host.ts";
import type { Store } from "../ports/store.ts";
import type { Task } from "../ports/store-types.ts";

/** A call whose answer is not on record. */
export class UnrecordedCall extends Error {
  readonly type: string;
  readonly ordinal: string;

  constructor(type: string, ordinal: string, why: string) {
    super(`${type} ${ordinal}: ${why}`);
    this.type = type;
    this.ordinal = ordinal;
  }
}

type AskedCall = Pick<CtxCall, "type" | "ordinal" | "args">;

const PAGE = 500;

export class RecordedEffects {
  readonly #store: Pick<Store, "reads" | "effects">;
  readonly #taskId: TaskId;
  #ids: Promise<ReadonlyMap<string, string>> | null = null;
  #origin: Promise<RecordedEffects | null> | null = null;
  #children: Promise<readonly Task[]> | null = null;

  constructor(store: Pick<Store, "reads" | "effects">, taskId: TaskId) {
    this.#store = store;
    this.#taskId = taskId;
  }

  /** What the task was answered at this call, or, if it is a fork, the task it came from. Throws UnrecordedCall. */
  async answer(call: AskedCall): Promise<CallAnswer> {
    try {
      return await this.#own(call);
    } catch (error) {
      const origin = error instanceof UnrecordedCall ? await (this.#origin ??= this.#readOrigin()) : null;
      if (origin === null) throw error;
      return origin.answer(call);
    }
  }

  /** A fork that made its calls anew was answered nothing by its origin. */
  async #readOrigin(): Promise<RecordedEffects | null> {
    const found = await this.#store.reads.find(this.#taskId);
    const ref = found && readForkRef(found.task.cause);
    return ref === null || ref.effects === "live" ? null : new RecordedEffects(this.#store, ref.taskId);
  }

  async #own(call: AskedCall): Promise<CallAnswer> {
    if (call.type === "ctx.workflow.start") return this.#child(call);
    this.#ids ??= this.#readIds();
    const id = (await this.#ids).get(keyOf(call.type, call.ordinal));
    const effect = id === undefined ? null : await this.#store.effects.get(id);
    if (effect?.state === "failed") return { ok: false, error: effect.error ?? "the call failed" };
    if (effect?.state !== "done") throw new UnrecordedCall(call.type, call.ordinal, "no answer is on record");
    if (effect.answer === null) throw new UnrecordedCall(call.type, call.ordinal, "its answer was not kept");
    if (isIncomplete(parseJson(effect.answer))) {
      throw new UnrecordedCall(call.type, call.ordinal, "its answer was too large to be kept");
    }
    return { ok: true, value: effect.answer };
  }

  /** Newest first, and the newest attempt at a call that has an answer is the one the handler went on with. */
  async #readIds(): Promise<ReadonlyMap<string, string>> {
    const ids = new Map<string, string>();
    const answered = new Set<string>();
    let before: string | undefined;
    for (;;) {
      const page = await this.#store.effects.list({ taskId: this.#taskId, limit: PAGE, ...(before ? { before } : {}) });
      for (const { id, callType, ordinal, state } of page) {
        const key = keyOf(callType, ordinal);
        if (state === "done" && !answered.has(key)) ids.set(key, id);
        else if (!ids.has(key)) ids.set(key, id);
        if (state === "done") answered.add(key);
      }
      if (page.length < PAGE) return ids;
      before = page.at(-1)!.id;
    }
  }

  async #child({ type, ordinal, args }: AskedCall): Promise<CallAnswer> {
    this.#children ??= this.#readChildren();
    const asked = parseJson(args) as { readonly idempotency_key?: unknown };
    const named = typeof asked.idempotency_key === "string" ? asked.idempotency_key.trim() : "";
    const key = named || childStartKey(this.#taskId, ordinal);
    const child = (await this.#children).find((one) => one.idempotencyKey === key);
    if (!child) throw new UnrecordedCall(type, ordinal, "the task has started no such child");
    const { workflowName, taskId, lastRunId } = child;
    const value: JsonText = toJsonText({
      workflow_name: workflowName,
      task_id: taskId,
      run_id: lastRunId,
      created: true,
    });
    return { ok: true, value };
  }

  async #readChildren(): Promise<readonly Task[]> {
    const children: Task[] = [];
    for (;;) {
      const before = children.at(-1)?.taskId;
      const page = await this.#store.reads.list({
        parentTaskId: this.#taskId,
        limit: PAGE,
        ...(before ? { before } : {}),
      });
      children.push(...page.map((row) => row.task));
      if (page.length < PAGE) return children;
    }
  }
}

function keyOf(type: string, ordinal: string): string {
  return `${type}\n${ordinal}`;
}
