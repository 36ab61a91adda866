// Everything a workflow reaches outside, behind one port: each call goes to the handler of its kind, and into the outbox on its way.
import { ChironError } from "../core/errors.ts";
import type { JsonText } from "../core/json-text.ts";
import type { EffectContext, EffectHandler, Effects } from "../ports/effects.ts";
import type { Outbox } from "./outbox.ts";

/** No two handlers may answer the same call. Without an outbox nothing is recorded. */
export function createEffects(handlers: readonly EffectHandler[], outbox: Outbox | null = null): Effects {
  const byType = new Map(handlers.flatMap((handler) => [...handler.types].map((type) => [type, handler] as const)));
  return {
    types: new Set(byType.keys()),
    async call(type, args, context) {
      const handler = byType.get(type);
      if (!handler) throw new ChironError("bad_request", `unsupported context request type ${type}`);
      if (!outbox) return handler.call(type, args, context, () => undefined);
      const answerer = answererOf(handler, type, args, context);
      return outbox.record({ type, args, context, ...answerer }, (progress) =>
        handler.call(type, args, context, progress),
      );
    },
  };
}

/** A call that is wrong is recorded as well: its handler says what is wrong with it. */
function answererOf(handler: EffectHandler, type: string, args: JsonText, context: EffectContext) {
  try {
    return handler.describe(type, args, context);
  } catch {
    return { nature: "stubbed", by: "nobody" } as const;
  }
}
