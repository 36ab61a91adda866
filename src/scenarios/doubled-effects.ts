// What went out more often after a crash than without one. Calls under one key count once, because their receiver takes them once.
import type { Difference } from "./matchers.ts";
import type { Effect, Observed } from "./observe.ts";

/** One difference for each kind of call that a crash doubled. */
export function doubledEffects(without: Observed, after: Observed): Difference[] {
  const before = countsOf(without);
  return [...countsOf(after)].flatMap(([what, count]) => {
    const expected = before.get(what) ?? 0;
    return count > expected ? [{ path: "expect.outbox", expected: `${what} ${times(expected)}`, actual: times(count) }] : []; // prettier-ignore
  });
}

function countsOf({ outbox }: Observed): Map<string, number> {
  const counts = new Map<string, number>();
  for (const effect of outbox) {
    if (effect.key === null) continue;
    const what = whatOf(effect);
    counts.set(what, (counts.get(what) ?? 0) + 1);
  }
  return counts;
}

/** Ids differ from one play to the next; what was asked, and of whom, does not. */
function whatOf({ call, target, text }: Effect): string {
  const said = text === undefined ? "" : ` ${JSON.stringify(text).slice(0, 80)}`;
  return `${call} to ${target ?? "nobody"}${said}`;
}

function times(count: number): string {
  return count === 1 ? "once" : `${count} times`;
}
