// Secrets that stand in a file where stand-ins should: by what they look like, and by being the project's own. Answers where, never what.
import { createMask, type Secret } from "../core/redaction.ts";
import { secretsIn } from "./secret-shapes.ts";

export interface LintFinding {
  readonly line: number;
  readonly what: string;
}

/** A name and its value as JSON, YAML, TOML, .env and forms write them. */
const PAIR = /["']?([A-Za-z][\w.-]*)["']?\s*[:=]\s*(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|([^\s"',}\]&]+))/g;

/** Every finding of a text, in order. */
export function lintText(text: string, own: readonly Secret[]): LintFinding[] {
  const mask = createMask(own);
  const found: LintFinding[] = [];
  const seen = new Set<string>();
  const note = (line: number, what: string): void => {
    const finding = `${line} ${what}`;
    if (seen.has(finding)) return;
    seen.add(finding);
    found.push({ line, what });
  };
  text.split("\n").forEach((raw, index) => {
    for (const what of findings(raw, mask)) note(index + 1, what);
  });
  // A key of several lines is one secret.
  for (const { start, what } of secretsIn(text, null))
    if (what === "a private key") note(text.slice(0, start).split("\n").length, what);
  return found;
}

function findings(raw: string, mask: (text: string) => string): string[] {
  const line = raw.replaceAll('\\"', '"');
  const own = [...new Set(mask(line).match(/\[secret [^\]]+\]/g))].map(
    (name) => `the value of ${name.slice(8, -1)}, a secret of this project`,
  );
  const found = secretsIn(line, null).map(({ what }) => what);
  for (const [, field, double, single, plain] of line.matchAll(PAIR)) {
    const value = double ?? single ?? plain ?? "";
    found.push(...secretsIn(value, field!).map(({ what }) => what));
    if (field === "body_base64")
      found.push(...lintText(Buffer.from(value, "base64").toString("utf8"), []).map(({ what }) => what));
  }
  return [...own, ...found];
}
