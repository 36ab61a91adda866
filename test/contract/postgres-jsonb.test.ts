// What core/jsonb.ts foretells meets the jsonb of a real server: texts that "survive" come back byte for byte, and none that is not
// "refused" is refused.
import fc from "fast-check";
import { expect, test } from "vitest";
import { compactJsonb, jsonbFate } from "../../src/core/jsonb.ts";
import { LEASE_MS, OWNER, QUEUE, raw } from "./given.ts";
import { useLab } from "./postgres-lab.ts";

const lab = useLab();

/** Numbers as programs write them, and as they should not. */
const number = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => JSON.stringify(value)),
  fc.bigInt().map(String),
  fc.constantFrom(
    "-0",
    "-0.0",
    "1e5",
    "1E-7",
    "0.10",
    "1.50e+3",
    "123456789012345678901234567890.5",
    "1e400",
    "1e100000",
  ),
);
const escape = fc.constantFrom(
  "\\u0000",
  "\\u001f",
  "\\u000A",
  "\\/",
  "\\b",
  "\\ud83c\\udf0a",
  "\\ud800",
  "\\u00e9",
  '\\"',
  "\\\\",
);
const string = fc
  .array(
    fc.oneof(
      escape,
      fc.string({ unit: "binary", maxLength: 4 }).map((text) => JSON.stringify(text).slice(1, -1)),
    ),
    { maxLength: 4 },
  )
  .map((parts) => `"${parts.join("")}"`);
const key = fc.oneof(fc.constantFrom('"a"', '"b"', '"aa"', '""', '"é"', '"_"'), string);

/** JSON texts with all the freedom JSON leaves: spaces, order of keys, equal keys. */
const { text } = fc.letrec<{ text: string }>((tie) => ({
  text: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.constantFrom("null", "true", "false"),
    number,
    string,
    fc
      .tuple(fc.array(tie("text"), { maxLength: 4 }), fc.constantFrom(",", ", "))
      .map(([items, comma]) => `[${items.join(comma)}]`),
    fc
      .tuple(fc.array(fc.tuple(key, tie("text")), { maxLength: 4 }), fc.constantFrom(":", " : "))
      .map(([members, colon]) => `{${members.map(([name, value]) => `${name}${colon}${value}`).join(",")}}`),
  ),
}));

test("a server's jsonb does to a text what was foretold", async () => {
  const property = fc.asyncProperty(fc.array(text, { minLength: 50, maxLength: 50 }), async (texts) => {
    const held = texts.filter((each) => jsonbFate(each) !== "refused");
    const rows = await lab.query<{ printed: string; compact: string }>(
      `select x.value::jsonb::text as printed, chiron.compact(x.value::jsonb) as compact
       from json_array_elements_text($1::json) with ordinality as x(value, place) order by place`,
      [JSON.stringify(held)],
    );
    held.forEach((each, index) => {
      if (jsonbFate(each) !== "same") return;
      expect(compactJsonb(rows[index]!.printed)).toBe(each);
      expect(rows[index]!.compact).toBe(each);
    });
  });
  await (await lab.open()).store.admin.close();
  await fc.assert(property, { numRuns: 40 });
});

test("many a text survives, so that the property above means something", () => {
  const fates = fc.sample(text, { numRuns: 500, seed: 1 }).map(jsonbFate);
  for (const fate of ["same", "changed", "refused"] as const) {
    expect(fates.filter((each) => each === fate).length).toBeGreaterThan(50);
  }
});

test("any text goes through input, checkpoint, event and output unchanged", async () => {
  const { store } = await lab.open();
  const property = fc.asyncProperty(fc.array(text.map(raw), { minLength: 20, maxLength: 20 }), async (texts) => {
    const tasks = texts.map(
      (input) => ({ queue: QUEUE, workflowName: "w", input, maxAttempts: 1, cause: { kind: "api" } }) as const,
    );
    await store.tasks.enqueue(tasks);
    const [runs] = await store.claims.claim([{ queue: QUEUE, limit: 100, leaseMs: LEASE_MS, owner: OWNER }]);
    expect(runs!.map(({ input }) => input).toSorted()).toEqual(texts.toSorted());
    const steps = runs!.map((run) => ({ ...run, name: "s", value: run.input, durationMs: 1, leaseMs: LEASE_MS }));
    await store.progress.checkpoint(steps);
    await store.progress.complete(runs!.map((run) => ({ ...run, output: run.input })));
    for (const { taskId, input } of runs!.slice(0, 5)) {
      expect((await store.reads.checkpoints(taskId))[0]!.value).toBe(input);
      expect((await store.reads.find(taskId))!.task).toMatchObject({ input, output: input });
      await store.events.emit([{ name: taskId, payload: input }]);
      expect((await store.events.get(taskId))!.payload).toBe(input);
    }
  });
  try {
    await fc.assert(property, { numRuns: 10 });
  } finally {
    await store.admin.close();
  }
});
