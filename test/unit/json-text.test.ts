import fc from "fast-check";
import { expect, test } from "vitest";
import { jsonDepth, sliceMembers } from "../../src/core/json-text.ts";

test("the members of an object are cut out as they were written", () => {
  const text = ' { "n" : 12345678901234567890 , "s":"a\\"}b" ,"o" : {"x":[1,{"y":"]"}]}, "z":-0.0,"e":1e400 } ';
  expect([...sliceMembers(text)]).toEqual([
    ["n", "12345678901234567890"],
    ["s", '"a\\"}b"'],
    ["o", '{"x":[1,{"y":"]"}]}'],
    ["z", "-0.0"],
    ["e", "1e400"],
  ]);
});

test("an empty object has no members and of a repeated key the last wins", () => {
  expect(sliceMembers("{}").size).toBe(0);
  expect(sliceMembers('{"a":1,"a":[2]}').get("a")).toBe("[2]");
});

test("cutting and parsing agree for every object", () => {
  const white = fc.constantFrom(0, 1, 2, "\t");
  fc.assert(
    fc.property(fc.dictionary(fc.string({ unit: "binary" }), fc.jsonValue()), white, (object, space) => {
      const text = JSON.stringify(object, null, space);
      const members = sliceMembers(text);
      const parsed = JSON.parse(text) as Record<string, unknown>;
      expect([...members.keys()].sort()).toEqual(Object.keys(parsed).sort());
      for (const [key, raw] of members) expect(JSON.parse(raw)).toEqual(parsed[key]);
    }),
  );
});

test("depth counts nesting outside strings, also 100,000 levels of it", () => {
  expect(jsonDepth("1")).toBe(0);
  expect(jsonDepth('{"a":["[[[[",{}]}')).toBe(3);
  expect(jsonDepth("[".repeat(100_000) + "]".repeat(100_000))).toBe(100_000);
  expect(sliceMembers(`{"a":${"[".repeat(100_000)}${"]".repeat(100_000)}}`).get("a")).toHaveLength(200_000);
});
