// What jsonb does to JSON texts, told without a database; the same rules meet a real one in the contract tests of Postgres.
import fc from "fast-check";
import { expect, test } from "vitest";
import { compactJsonb, jsonbFate, survivesJsonb } from "../../src/core/jsonb.ts";

const SAME = [
  "null",
  "true",
  "0",
  "-1.50",
  "12345678901234567890123",
  '""',
  '"a b: c, d"',
  '"\\" \\\\ \\n \\u0001 \\u001f"',
  '"grüße 🌊"',
  "[]",
  "{}",
  '[1,[2,{"a":[]}]]',
  '{"a":1,"b":2,"aa":{"x":null}}',
  '{"":1,"a":2}',
  '{"0":1,"1":2}',
];
const CHANGED = [
  "-0",
  "-0.00",
  "1e5",
  "1E+5",
  "1.5e-3",
  '"\\/"',
  '"\\u00e9"',
  '"\\u001F"',
  '"\\u007f"',
  '"\\ud83c\\udf0a"',
  '"\\u000a"',
  '{"b":1,"a":2}',
  '{"aa":1,"b":2}',
  '{"a":1,"a":2}',
  '{"":1,"":2}',
  '{"é":1}',
  '{"\\n":1}',
  "[1, 2]",
  ' {"a":1}',
  '{"a":{"c":1,"b":2}}',
];
const REFUSED = [
  '"\\u0000"',
  '"\\ud800"',
  '"\ud800"',
  '"\\udf0a\\ud83c"',
  "1e100000",
  `1${"0".repeat(2_000)}`,
  `${"[".repeat(501)}${"]".repeat(501)}`,
  '{"\\u0000":1}',
];

test.each(SAME)("%s comes back as it was", (text) => expect(jsonbFate(text)).toBe("same"));
test.each(CHANGED)("%s is said differently", (text) => expect(jsonbFate(text)).toBe("changed"));
test.each(REFUSED)("%j may not be held", (text) => expect(jsonbFate(text)).toBe("refused"));

test("the spaces Postgres prints are taken out, those inside strings are not", () => {
  expect(compactJsonb('{"a": 1, "b c": ["x: y, \\" z", {}], "d": "\\\\"}')).toBe(
    '{"a":1,"b c":["x: y, \\" z",{}],"d":"\\\\"}',
  );
});

test("a hundred thousand levels and a megabyte of backslashes take no time and no stack", () => {
  expect(jsonbFate(`${"[".repeat(100_000)}${"]".repeat(100_000)}`)).toBe("refused");
  expect(survivesJsonb(`"${"\\\\".repeat(500_000)}"`)).toBe(true);
});

test("what survives and is printed with spaces is the text again", () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const text = JSON.stringify(value);
      if (!survivesJsonb(text)) return;
      expect(compactJsonb(JSON.stringify(value, null, " ").replaceAll(/\n */g, " "))).toBe(text);
    }),
  );
});

test("a string of ten million characters is looked through like any other", () => {
  expect(survivesJsonb(JSON.stringify("a\n".repeat(5_000_000)))).toBe(true);
});
