// Every example of docs/webhooks.md does what the page says.
import { expect, test } from "vitest";
import { runExamples } from "../support/doc-examples.ts";

test("the examples of docs/webhooks.md print what the page shows", { timeout: 120_000 }, async () => {
  const { ran, failed } = await runExamples("docs/webhooks.md");
  expect(failed).toEqual([]);
  expect(ran).toBeGreaterThan(12);
});
