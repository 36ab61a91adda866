// Steps of two histories side by side.
import fc from "fast-check";
import { expect, test } from "vitest";
import { alignSteps, type Alignable } from "../../src/replay/align.ts";

/** `fetch=1` is a step called fetch with the result 1. */
const steps = (...texts: string[]): Alignable[] =>
  texts.map((text) => ({ name: text.split("=")[0]!, digest: text.split("=")[1] ?? "" }));

function shown(a: Alignable[], b: Alignable[]): string[] {
  return alignSteps(a, b).map(({ a: i, b: j, moved }) => {
    const left = i === null ? "-" : a[i]!.name;
    return `${left} ${j === null ? "-" : b[j]!.name}${moved ? " moved" : ""}`;
  });
}

test("a step inserted, one left out and one renamed stand alone where they are", () => {
  expect(shown(steps("one", "two", "three"), steps("one", "new", "three", "last"))).toEqual([
    "one one",
    "two -",
    "- new",
    "three three",
    "- last",
  ]);
});

test("a step at another place is matched and told as moved", () => {
  expect(shown(steps("a", "b", "c"), steps("b", "c", "a"))).toEqual(["a a moved", "b b", "c c"]);
});

test("uses of one step are matched by their results first", () => {
  const a = steps("get=1", "get#2=2", "get#3=3", "end");
  expect(shown(a, steps("get=1", "get#2=3", "end"))).toEqual(["get get", "get#2 -", "get#3 get#2", "end end"]);
});

test("uses with other results are matched in order", () => {
  expect(shown(steps("get=1", "get#2=2"), steps("get=7", "get#2=8", "get#3=9"))).toEqual([
    "get get",
    "get#2 get#2",
    "- get#3",
  ]);
});

test("nothing against something", () => {
  expect(shown([], steps("a"))).toEqual(["- a"]);
  expect(shown(steps("a"), [])).toEqual(["a -"]);
});

test("ten thousand uses of a step are aligned in time", () => {
  const many = (shift: number) =>
    Array.from({ length: 10_000 }, (_, at) => ({ name: `loop#${at + 1}`, digest: String(at * 2 + shift) }));
  const began = performance.now();
  expect(alignSteps(many(0), many(1))).toHaveLength(10_000);
  expect(performance.now() - began).toBeLessThan(5_000);
});

test("every step of both is there exactly once, and a history equals itself", () => {
  const name = fc.constantFrom("a", "b", "c", "a#2", "a#3", "b#2");
  const list = fc.uniqueArray(fc.record({ name, digest: fc.constantFrom("1", "2") }), { selector: (one) => one.name });
  fc.assert(
    fc.property(list, list, (a, b) => {
      const pairs = alignSteps(a, b);
      expect(pairs.flatMap((pair) => pair.a ?? []).toSorted((x, y) => x - y)).toEqual(a.map((_, at) => at));
      expect(pairs.flatMap((pair) => pair.b ?? []).toSorted((x, y) => x - y)).toEqual(b.map((_, at) => at));
      expect(alignSteps(a, a)).toEqual(a.map((_, at) => ({ a: at, b: at, moved: false })));
    }),
  );
});
