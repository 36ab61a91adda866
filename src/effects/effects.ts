// Everything a workflow reaches outside, behind one port: each call goes to the handler of its kind.
import { ChironError } from "../core/errors.ts";
import type { EffectHandler, Effects } from "../ports/effects.ts";

/** No two handlers may answer the same call. */
export function createEffects(handlers: readonly EffectHandler[]): Effects {
  const byType = new Map(handlers.flatMap((handler) => [...handler.types].map((type) => [type, handler] as const)));
  return {
    types: new Set(byType.keys()),
    async call(type, args, context) {
      const handler = byType.get(type);
      if (!handler) throw new ChironError("bad_request", `unsupported context request type ${type}`);
      return handler.call(type, args, context, () => undefined);
    },
  };
}
