// The answers of the backend `script`: a YAML or JSON file, checked, with what is wrong in it named by file and answer.
import fs from "node:fs/promises";
import { z } from "zod";
import { parseDuration } from "../../core/duration.ts";
import { ChironError, messageOf } from "../../core/errors.ts";

const answerSchema = z
  .strictObject({
    /** A regular expression over the prompt, without regard to case. */
    match: z.string().optional(),
    contains: z.string().optional(),
    harness: z.string().optional(),
    workflow: z.string().optional(),
    /** An agent's name in a batch. */
    agent: z.string().optional(),
    text: z.string().optional(),
    /** Output lines; the text's own lines when absent. */
    lines: z.array(z.string()).optional(),
    /** The turn fails with this. */
    error: z.string().optional(),
    delay: z.string().optional(),
  })
  .refine((answer) => (answer.text === undefined) !== (answer.error === undefined), {
    message: "needs either text or error",
  });

const fileSchema = z.strictObject({ answers: z.array(answerSchema).min(1) });

export interface ScriptAnswer extends Omit<z.infer<typeof answerSchema>, "match" | "delay"> {
  readonly match: RegExp | null;
  readonly delayMs: number;
}

/** Reads the file anew each time, so that an edit serves the next turn. Throws ChironError config_invalid. */
export async function readScript(file: string): Promise<ScriptAnswer[]> {
  const invalid = (what: string, hint: string): ChironError =>
    new ChironError("config_invalid", `${file}: ${what}`, { hint });
  let raw: unknown;
  try {
    // Only where it is used: a start need not wait for it. YAML is a superset of JSON.
    const { parse: parseYaml } = await import("yaml");
    raw = parseYaml(await fs.readFile(file, "utf8"));
  } catch (error) {
    throw invalid(messageOf(error), "Correct the file, or file of the script backend in chiron.toml.");
  }
  const parsed = fileSchema.safeParse(raw);
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!;
    throw invalid(`${issue.path.join(".")}: ${issue.message}`, "See docs/effects.md for what an answer may say.");
  }
  return parsed.data.answers.map(({ match, delay, ...rest }, index) => {
    const delayMs = delay === undefined ? 0 : parseDuration(delay);
    if (delayMs === null) throw invalid(`answers.${index}.delay: "${delay}" is not a duration`, "Write 200ms or 5s.");
    try {
      return { ...rest, delayMs, match: match === undefined ? null : new RegExp(match, "iu") };
    } catch (error) {
      throw invalid(`answers.${index}.match: ${messageOf(error)}`, "match is a JavaScript regular expression.");
    }
  });
}
