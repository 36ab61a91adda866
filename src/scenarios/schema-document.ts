// The JSON Schema of scenario files for editors, made from the schema that reads them.
import { z } from "zod";
import { MATCHER_NAMES } from "./matchers.ts";
import { ScenarioSchema } from "./format.ts";

/** The document that is published as docs/scenario.schema.json: one scenario, or a list of them. */
export function schemaDocument(): Record<string, unknown> {
  const one = z.toJSONSchema(ScenarioSchema, { io: "input", target: "draft-7", reused: "inline" });
  const { $schema, $defs, definitions, ...scenario } = one as Record<string, unknown>;
  const shared = { ...($defs as object | undefined), ...(definitions as object | undefined) };
  return {
    $schema,
    title: "Chiron scenario file",
    description: `What is expected may be a plain value or a matcher: ${MATCHER_NAMES.join(", ")}.`,
    definitions: { ...shared, scenario },
    anyOf: [{ $ref: "#/definitions/scenario" }, { type: "array", items: { $ref: "#/definitions/scenario" } }],
  };
}
