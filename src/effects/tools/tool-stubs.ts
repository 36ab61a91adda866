// Answers of tools from a file, for tests and demos without the services behind them. The file is read anew when it has changed.
//
//   github.search:                 # tool.method, or tool.* for all of a tool
//     - when: { query: bugs }      # members that the arguments must have, at any depth; without it every call fits
//       answer: [{ title: It does not start }]
//     - error: nothing found       # the call fails with this
import fs from "node:fs";
import { createRequire } from "node:module";
import type * as Yaml from "yaml";
import { z } from "zod";
import { ChironError, messageOf } from "../../core/errors.ts";
import { parseJson, toJsonText, type JsonText } from "../../core/json-text.ts";
import { isObject } from "../arguments.ts";
import type { ToolCall } from "./tool-call.ts";

/** At its first use: most projects stub nothing, and a start need not wait for a parser. */
const loadYaml = (): typeof Yaml => createRequire(import.meta.url)("yaml") as typeof Yaml;

const caseSchema = z
  .strictObject({
    when: z.record(z.string(), z.unknown()).optional(),
    answer: z.unknown().optional(),
    error: z.string().optional(),
  })
  .refine((one) => "answer" in one !== (one.error !== undefined), "a stub has either an answer or an error");
const fileSchema = z.record(
  z.string(),
  z.preprocess((cases) => (Array.isArray(cases) ? cases : [cases]), z.array(caseSchema)),
);
type Stubs = z.infer<typeof fileSchema>;

/** What a stub says to a call. */
export type StubAnswer = { readonly value: JsonText } | { readonly error: string };

export class ToolStubs {
  readonly file: string;
  #stubs: Stubs = {};
  #readAt = "";

  constructor(file: string) {
    this.file = file;
  }

  /** The first stub that fits; null: none does. Throws ChironError config_invalid for a file that cannot be read. */
  find({ tool, method, args }: ToolCall): StubAnswer | null {
    this.#refresh();
    const given = parseJson(args);
    for (const one of [...(this.#stubs[`${tool}.${method}`] ?? []), ...(this.#stubs[`${tool}.*`] ?? [])]) {
      if (one.when !== undefined && !fits(one.when, given)) continue;
      return one.error === undefined ? { value: toJsonText(one.answer) } : { error: one.error };
    }
    return null;
  }

  #refresh(): void {
    try {
      const { mtimeMs, size, ino } = fs.statSync(this.file);
      const now = `${mtimeMs} ${size} ${ino}`;
      if (now === this.#readAt) return;
      const parsed = fileSchema.safeParse(loadYaml().parse(fs.readFileSync(this.file, "utf8")) ?? {});
      if (!parsed.success) {
        const [issue] = parsed.error.issues;
        throw new Error(`${issue!.path.join(".")}: ${issue!.message}`);
      }
      this.#stubs = parsed.data;
      this.#readAt = now;
    } catch (error) {
      throw new ChironError("config_invalid", `the tool stubs ${this.file} cannot be used: ${messageOf(error)}`, {
        hint: "effects.tool_stubs of chiron.toml names this file; see docs/effects.md.",
        cause: error,
      });
    }
  }
}

/** Objects may have more members than asked for; everything else must be equal. */
function fits(wanted: unknown, given: unknown): boolean {
  if (Array.isArray(wanted)) {
    return Array.isArray(given) && wanted.length === given.length && wanted.every((one, at) => fits(one, given[at]));
  }
  if (isObject(wanted)) {
    return isObject(given) && Object.entries(wanted).every(([name, one]) => name in given && fits(one, given[name]));
  }
  return wanted === given;
}
