// Differences of JSON values by path, on their texts.
import fc from "fast-check";
import { expect, test } from "vitest";
import type { JsonText } from "../../src/core/json-text.ts";
import { diffJson } from "../../src/replay/json-diff.ts";

const diff = (before: string | null, after: string | null) =>
  diffJson(before as JsonText | null, after as JsonText | null);
const paths = (before: string, after: string) => diff(before, after).changes.map(({ path, kind }) => `${kind} ${path}`);

test("names what was added, removed and changed by its path", () => {
  expect(diff('{"a":1,"b":{"c":[1,2]},"gone":null}', '{"a":2,"b":{"c":[1,3]},"new":"x"}').changes).toEqual([
    { path: "$.a", kind: "changed", before: "1", after: "2" },
    { path: "$.b.c[1]", kind: "changed", before: "2", after: "3" },
    { path: "$.gone", kind: "removed", before: "null", after: null },
    { path: "$.new", kind: "added", before: null, after: '"x"' },
  ]);
});

test("spacing, the order of keys and the escapes of a string are no difference", () => {
  expect(diff('{ "a" : [ 1 , "\\u00e9" ], "b": {} }', '{"b":{},"a":[1,"é"]}').changes).toEqual([]);
});

test.each([
  ["9007199254740993", "9007199254740992"],
  ["1", "1.0"],
  ["0", "-0"],
  ["null", "0"],
  ["[]", "{}"],
])("%s and %s differ", (before, after) => {
  expect(paths(before, after)).toEqual(["changed $"]);
});

test("one more element in the middle of an array is one difference", () => {
  expect(paths('[1,{"n":2},3,4]', '[1,"new",{"n":2},3,4]')).toEqual(["added $[1]"]);
});

test("a key that is no name stands in brackets", () => {
  expect(paths('{"a b":1,"\\"":2}', '{"a b":2,"\\"":3}')).toEqual(['changed $["a b"]', 'changed $["\\""]']);
});

test("a value that is not there at all is told from null", () => {
  expect(diff(null, "null").changes).toEqual([{ path: "$", kind: "added", before: null, after: "null" }]);
});

test("long values are cut, many changes are counted off, deep ones are told around", () => {
  const long = JSON.stringify("x".repeat(10_000));
  expect(diff('""', long).changes[0]!.after!.length).toBeLessThan(2_100);
  const many = JSON.stringify(Array.from({ length: 5_000 }, (_, at) => ({ at })));
  const others = JSON.stringify(Array.from({ length: 5_000 }, (_, at) => ({ at: -at - 1 })));
  expect(diff(many, others)).toMatchObject({ more: true });
  expect(diff(many, others).changes).toHaveLength(200);
  const deep = (leaf: string): string => "[".repeat(500) + leaf + "]".repeat(500);
  expect(diff(deep("1"), deep("2")).changes).toHaveLength(1);
});

test("a value equals itself however it is written, and a changed one is found", () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 5 }), fc.jsonValue({ maxDepth: 5 }), (a, b) => {
      const [one, other] = [JSON.stringify(a), JSON.stringify(b)];
      expect(diff(one, JSON.stringify(a, null, 2)).changes).toEqual([]);
      const equal = JSON.stringify(JSON.parse(one)) === JSON.stringify(JSON.parse(other));
      if (diff(one, other).changes.length === 0 && !equal) expect(JSON.parse(one)).toEqual(JSON.parse(other));
    }),
  );
});
