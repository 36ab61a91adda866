// Finds matchers that cannot work when a file is read, before anything runs.
import { messageOf } from "../core/errors.ts";
import { nearest } from "../core/nearest.ts";
import type { Scenario } from "./format.ts";
import type { Path } from "./located.ts";
import { MATCHER_NAMES, matcherNameOf } from "./matchers.ts";

type Note = (at: Path, message: string) => void;

const KINDS = ["list", "null", "object", "integer", "uuid", "time", "string", "number", "boolean"];

/** Tells `note` of unknown matchers and of expressions that do not compile, wherever the scenario says what it expects. */
export function checkMatchers({ expect, deliveries, runs, events }: Scenario, note: Note): void {
  check(expect, ["expect"], note);
  for (const [name, items] of Object.entries({ deliveries, runs, events })) {
    items?.forEach((one, at) => check(one.expect, [name, at, "expect"], note));
  }
}

function check(value: unknown, at: Path, note: Note): void {
  if (Array.isArray(value)) return value.forEach((one, index) => check(one, [...at, index], note));
  if (typeof value !== "object" || value === null) return;
  const name = matcherNameOf(value);
  if (name !== null) checkOne(name, (value as Record<string, unknown>)[name], at, note);
  else if (Object.keys(value).some((key) => MATCHER_NAMES.includes(key))) {
    note(at, `a matcher stands alone in its object: ${Object.keys(value).join(", ")}`);
  }
  for (const [key, one] of Object.entries(value)) check(one, [...at, key], note);
}

function checkOne(name: string, argument: unknown, at: Path, note: Note): void {
  if (!MATCHER_NAMES.includes(name)) {
    const [near] = nearest(name, MATCHER_NAMES, 1);
    note([...at, name], `unknown matcher ${name}; ${near ? `did you mean ${near}?` : MATCHER_NAMES.join(", ")}`);
  } else if (name === "$regex") {
    try {
      new RegExp(String(argument), "u");
    } catch (error) {
      note([...at, name], `$regex: ${messageOf(error)}`);
    }
  } else if (name === "$unordered" && !Array.isArray(argument)) {
    note([...at, name], "$unordered: what follows must be a list");
  } else if (name === "$any" && argument !== true && !KINDS.includes(String(argument))) {
    note([...at, name], `$any: true or one of ${KINDS.join(", ")}`);
  }
}
