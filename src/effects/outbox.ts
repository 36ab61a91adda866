// Keeps every effect: what was asked before it goes out, how it ended before the handler hears of it. A real call does not leave while its
// record cannot be written; one that leaves nothing is never held up by it. Which values may be kept is the deployment's choice.
import { boundedValue } from "../core/effect-values.ts";
import type { Bus } from "../core/bus.ts";
import { messageOf } from "../core/errors.ts";
import type { IdSource, RunId } from "../core/ids.ts";
import type { JsonText } from "../core/json-text.ts";
import { createFaultReport } from "../engine/service.ts";
import type { Clock } from "../ports/clock.ts";
import type { EffectContext, EffectNature } from "../ports/effects.ts";
import type { EffectEnd, EffectStore, NewEffect } from "../ports/store-effects.ts";
import { describeCall } from "./outbox-call.ts";
import { ProgressLines } from "./outbox-progress.ts";

/** Longest request or answer that is kept whole, in characters. */
const VALUE_LIMIT = 256 * 1024;
/** Of an error's message. */
const ERROR_LIMIT = 8_000;
/** Between two writes of what a call that goes on has said. */
const NOTE_EVERY_MS = 1_000;

export interface OutboxDeps {
  readonly store: Pick<EffectStore, "begin" | "note" | "finish">;
  readonly clock: Clock;
  readonly bus: Bus;
  readonly ids: IdSource;
  /** full: with requests and answers. meta: who was called when, and how it ended. */
  readonly content: "full" | "meta";
  /** Hides secrets; a JSON text stays one. */
  readonly mask: (text: string) => string;
}

export interface OutboxCall {
  readonly type: string;
  readonly args: JsonText;
  readonly context: EffectContext;
  readonly nature: EffectNature;
  readonly by: string;
}

export interface Outbox {
  /** Makes the call through `body`, which tells what a long one says before its answer, and answers or throws what it does. */
  record(call: OutboxCall, body: (progress: (line: string) => void) => Promise<JsonText>): Promise<JsonText>;
}

export function createOutbox(deps: OutboxDeps): Outbox {
  const { store, clock, bus } = deps;
  const fault = createFaultReport("outbox", bus);
  return {
    async record(call, body) {
      const effect = effectOf(call, deps);
      const about = aboutOf(effect);
      const begun = store.begin([effect]);
      if (call.nature === "real") await begun;
      else begun.catch(fault);
      bus.publish({ type: "effect.started", ...about });
      const lines = new ProgressLines();
      const progress = noteProgress(effect, lines, deps, fault);
      const finish = async (end: Pick<EffectEnd, "state" | "answer" | "error">): Promise<number> => {
        const finishedAt = clock.now();
        const said = deps.content === "full" ? lines.text() : null;
        // What was done outside is done: the handler hears of it also when this cannot be written.
        await store.finish([{ id: effect.id, finishedAt, progress: said, ...end }]).then(() => fault(null), fault);
        return Math.max(0, finishedAt - effect.startedAt);
      };
      try {
        const answer = await body(progress);
        const durationMs = await finish({ state: "done", answer: kept(answer, deps), error: null });
        bus.publish({ type: "effect.done", ...about, durationMs });
        return answer;
      } catch (error) {
        const message = deps.mask(messageOf(error)).slice(0, ERROR_LIMIT);
        const durationMs = await finish({ state: "failed", answer: null, error: message });
        bus.publish({ type: "effect.failed", ...about, durationMs, message });
        throw error;
      }
    },
  };
}

function effectOf({ type, args, context, nature, by }: OutboxCall, deps: OutboxDeps): NewEffect {
  const { kind, target, key } = describeCall(type, args, context);
  return {
    id: deps.ids.next(),
    taskId: context.taskId,
    runId: context.runId as RunId,
    workflowName: context.workflowName,
    kind,
    callType: type,
    target: target === null ? null : deps.mask(target),
    ordinal: context.ordinal,
    key,
    nature,
    by: deps.mask(by),
    startedAt: deps.clock.now(),
    request: kept(args, deps),
  };
}

function kept(value: JsonText, { content, mask }: OutboxDeps): JsonText | null {
  return content === "full" ? boundedValue(mask(value) as JsonText, VALUE_LIMIT) : null;
}

function aboutOf({ id, taskId, runId, workflowName, kind, callType, target, nature, by }: NewEffect) {
  return { effectId: id, taskId, runId, workflowName, kind, callType, target, nature, by };
}

function noteProgress(
  { id, taskId, runId, workflowName }: NewEffect,
  lines: ProgressLines,
  { store, clock, bus, content, mask }: OutboxDeps,
  fault: (error: unknown) => void,
): (line: string) => void {
  let notedAt = clock.monotonic();
  return (raw) => {
    const line = lines.add(mask(raw));
    if (line !== null) bus.publish({ type: "effect.progress", effectId: id, taskId, runId, workflowName, line });
    const now = clock.monotonic();
    const progress = content === "full" && now - notedAt >= NOTE_EVERY_MS ? lines.text() : null;
    if (progress === null) return;
    notedAt = now;
    store.note([{ id, progress }]).catch(fault);
  };
}
