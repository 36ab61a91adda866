// Named points at which a test can end this process with SIGKILL: before and after each store call. One wrapper at the port serves every
// adapter. "before" is reached when nothing of the call is on disk, "after" when it is durable and nobody has been told.
import type { Store } from "../../src/ports/store.ts";

/** For tests only: `<group>.<method>:<before|after>:<n>` ends the process at the n-th such moment, for example `progress.checkpoint:after:2`. */
export const FAULT_VARIABLE = "CHIRON_FAULT_POINT";

type Call = (...args: unknown[]) => Promise<unknown>;

/** The same store with the fault point built in, or the store itself when none is asked for. Throws on a text it does not understand. */
export function withFaultPoint(store: Store, text: string | undefined, kill: () => void): Store {
  if (!text) return store;
  const match = /^(\w+)\.(\w+):(before|after):(\d+)$/.exec(text);
  const [, group, method, side, nth] = match ?? [];
  const target =
    group === undefined ? undefined : (store[group as keyof Store] as unknown as Record<string, Call> | undefined);
  const original = method === undefined ? undefined : target?.[method];
  if (!target || !original || !method) throw new Error(`${FAULT_VARIABLE}=${text} names no store call`);
  let left = Number(nth);
  const wrapped: Call = async (...args) => {
    left -= 1;
    const hit = left === 0;
    if (hit && side === "before") kill();
    const answer = await original.apply(target, args);
    if (hit && side === "after") kill();
    return answer;
  };
  const changed = new Proxy(target, {
    get: (calls, name) => (name === method ? wrapped : calls[name as string]?.bind(calls)),
  });
  return { ...store, [group as string]: changed };
}
