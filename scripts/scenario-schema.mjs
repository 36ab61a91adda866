// Writes docs/scenario.schema.json from the schema that scenario files are read with. Run by: node scripts/node.mjs scripts/scenario-schema.mjs
import { writeFileSync } from "node:fs";
import { schemaDocument } from "../src/scenarios/schema-document.ts";

writeFileSync(
  new URL("../docs/scenario.schema.json", import.meta.url),
  `${JSON.stringify(schemaDocument(), null, 2)}\n`,
);
