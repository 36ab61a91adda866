// Runs as scenarios: what the file says, and which runs cannot be one.
import { beforeAll, expect, test } from "vitest";
import { parse } from "yaml";
import { ChironError } from "../../src/core/errors.ts";
import type { Bundle } from "../../src/replay/bundle.ts";
import { ScenarioSchema } from "../../src/scenarios/format.ts";
import { goldenScenario } from "../../src/scenarios/golden.ts";
import { EMAIL, sleepingBundle } from "./bundle-fixture.ts";

let sleeping: Bundle;
beforeAll(async () => {
  sleeping = await sleepingBundle();
});

/** The sleeping task as if it had gone on to its end. */
function ended(change: Partial<Bundle["parts"]> = {}): Bundle {
  const { parts } = sleeping;
  const output = '{"$any":1}' as never;
  const task = [{ ...parts.task[0]!, state: "completed" as const, output, finishedAt: 5 }];
  const done = { state: "done" as const, finishedAt: 3, answer: '[{"id":1}]' as never };
  const effects = parts.effects.map((effect) => ({ ...effect, ...done }));
  return { ...sleeping, parts: { ...parts, task, effects, ...change } };
}

const refusal = (bundle: Bundle, startedOthers = false): string => {
  try {
    goldenScenario(bundle, { startedOthers });
  } catch (error) {
    if (error instanceof ChironError) return `${error.code}: ${error.message.replace(/^.*scenario: /, "")}`;
  }
  return "none";
};

test("the file has the input, the steps and tools as they answered, and the end", () => {
  const text = goldenScenario(ended(), { name: "as it was", startedOthers: false });
  const scenario = ScenarioSchema.parse(parse(text));
  expect(scenario).toMatchObject({ name: "as it was", workflow: "order", runs: [{ input: { email: EMAIL } }] });
  expect(scenario.stubs).toEqual({
    steps: { load: [{ result: { user: { name: "Grace Hopper" } } }] },
    tools: { "crm.find": [{ when: expect.objectContaining({ email: EMAIL }) as object, answer: [{ id: 1 }] }] },
  });
  expect(scenario.expect!.run).toEqual({ status: "completed", result: { $exact: { $any: 1 } }, steps: ["load"] });
});

test("what a record does not hold is refused", () => {
  const { parts } = sleeping;
  const event = parts.checkpoints.map((row) => ({ ...row, kind: "event" as const }));
  const agent = parts.effects.map((effect) => ({ ...effect, kind: "agent" as const }));
  expect(refusal(sleeping)).toBe("conflict: it is sleeping");
  expect(refusal(ended({ checkpoints: event }))).toBe("conflict: it waited for load");
  expect(refusal(ended({ effects: agent }))).toBe("conflict: it asked an agent");
  expect(refusal(ended(), true)).toBe("conflict: it started others");
});
