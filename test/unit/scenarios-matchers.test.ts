// What a scenario's expectations mean, and how a difference is told.
import { expect, test } from "vitest";
import { ABSENT, compare, type Difference } from "../../src/scenarios/matchers.ts";

const answers: Readonly<Record<string, unknown>> = { "first.body.run_id": "r-1" };
const differences = (expected: unknown, actual: unknown): Difference[] =>
  compare(expected, actual, "", { lookUp: (reference) => answers[reference] ?? ABSENT });

test.each([
  [1, 1],
  ["a", "a"],
  [null, null],
  [
    [1, { a: 1 }],
    [1, { a: 1, b: 2 }],
  ],
  [{ a: { b: 1 } }, { a: { b: 1, c: 2 }, d: 3 }],
  [{ $any: true }, null],
  [{ $any: "integer" }, 3],
  [{ $any: "uuid" }, "0196f1a0-0000-7000-8000-000000000000"],
  [{ $any: "time" }, "2026-11-22T10:00:00Z"],
  [{ a: { $absent: true } }, { b: 1 }],
  [{ $regex: "^pull/\\d+$" }, "pull/17"],
  [{ $contains: "bc" }, "abcd"],
  [{ $contains: { id: 2 } }, [{ id: 1 }, { id: 2, more: true }]],
  [{ $contains: [1, 3] }, [1, 2, 3]],
  [{ $unordered: [{ a: 1 }, 2] }, [2, { a: 1, b: 1 }]],
  [{ $exact: { a: 1 } }, { a: 1 }],
  [{ $not: "x" }, "y"],
  [{ $length: 2 }, "ab"],
  [{ $length: { $gte: 2 } }, [1, 2, 3]],
  [{ $gt: 1 }, 2],
  [{ $lt: "b" }, "a"],
  [{ $ref: "first.body.run_id" }, "r-1"],
])("%j matches %j", (expected, actual) => {
  expect(differences(expected, actual)).toEqual([]);
});

test.each([
  [1, "1", ""],
  [null, undefined, ""],
  [[1], [1, 2], ""],
  [{ a: { b: 1 } }, { a: {} }, "a.b"],
  [[{ a: 1 }], [{ a: 2 }], "[0].a"],
  [{ "odd name": 1 }, { "odd name": 2 }, '"odd name"'],
  [{ a: { $any: true } }, {}, "a"],
  [{ $any: "string" }, 1, ""],
  [{ a: { $absent: true } }, { a: null }, "a"],
  [{ $regex: "^a" }, 5, ""],
  [{ $contains: 4 }, [1, 2], ""],
  [{ $unordered: [1, 1] }, [1, 2], ""],
  [{ $exact: { a: 1 } }, { a: 1, b: 2 }, ""],
  [{ $length: 2 }, [1], ".length"],
  [{ $gte: 2 }, "2", ""],
  [{ $ref: "second.body" }, "r-1", ""],
  [{ $regexp: "a" }, "a", ""],
  [{ toString: 1 }, {}, "toString"],
])("%j does not match %j, and says where", (expected, actual, path) => {
  const [first] = differences(expected, actual);
  expect(first).toMatchObject({ path });
});

test("every difference is told, with what was expected and what came", () => {
  expect(
    differences({ status: 202, body: { ok: true, run_id: { $any: "uuid" } } }, { status: 401, body: { ok: false } }),
  ).toEqual([
    { path: "status", expected: "202", actual: "401" },
    { path: "body.ok", expected: "true", actual: "false" },
    { path: "body.run_id", expected: "any value", actual: "absent" },
  ]);
});
