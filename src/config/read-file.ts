// Reads chiron.toml. What is wrong with it is named by file and setting, with the nearest known one.
import fs from "node:fs";
import { parse as parseToml } from "smol-toml";
import type { z } from "zod";
import { ChironError, messageOf } from "../core/errors.ts";
import { nearest } from "../core/nearest.ts";
import { type ConfigFile, fileSchema } from "./file-schema.ts";

/** An absent file says nothing. Throws ChironError config_invalid. */
export function readConfigFile(file: string): ConfigFile {
  if (!fs.existsSync(file)) return {};
  let raw: unknown;
  try {
    raw = parseToml(fs.readFileSync(file, "utf8"));
  } catch (error) {
    throw new ChironError("config_invalid", `${file} cannot be read: ${messageOf(error)}`, {
      hint: "Correct the file or remove it.",
    });
  }
  const parsed = fileSchema.safeParse(raw);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const where = issue!.path.join(".");
  const unknown = issue!.code === "unrecognized_keys" ? issue.keys[0]! : null;
  if (unknown === null)
    throw new ChironError("config_invalid", `${file}: ${where}: ${issue!.message}`, {
      hint: "See docs/configuration.md.",
    });
  const known = knownKeys(issue!.path);
  throw new ChironError("config_invalid", `${file}: unknown setting ${[...issue!.path, unknown].join(".")}`, {
    hint: `Known here: ${known.join(", ")}.${nearest(unknown, known, 1)
      .map((name) => ` Did you mean ${name}?`)
      .join("")}`,
  });
}

function knownKeys(at: readonly PropertyKey[]): string[] {
  let schema: unknown = fileSchema;
  for (const key of at) {
    const section = (schema as { shape: Record<string, z.ZodOptional> }).shape[String(key)];
    schema = section?.unwrap();
  }
  return Object.keys((schema as { shape?: object } | undefined)?.shape ?? {});
}
