// Compares what came with what a scenario expects. A plain scalar or list must be equal; an object may have more members than are named;
// an object with one member that begins with "$" says something else: see MATCHERS. Every difference carries its path.
import { isDeepStrictEqual } from "node:util";

export interface Difference {
  /** Through members and indexes, e.g. `runs[0].result.labels`; "" for the value itself. */
  readonly path: string;
  readonly expected: string;
  readonly actual: string;
}

/** What was not there at all, which is not null. */
export const ABSENT = Symbol("absent");

export interface MatchContext {
  /** Answers of `{$ref: "first.body.run_id"}`: a value of an earlier answer, or ABSENT. */
  readonly lookUp: (reference: string) => unknown;
}

type Matcher = (argument: unknown, actual: unknown, path: string, context: MatchContext) => Difference[];

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

const MATCHERS: Readonly<Record<string, Matcher>> = {
  /** Anything at all, or anything of a kind. */
  $any: (kind, actual, path) => {
    if (actual === ABSENT) return [differs(path, "any value", actual)];
    return kind === true || isOfKind(kind, actual) ? [] : [differs(path, `any ${String(kind)}`, actual)];
  },
  $absent: (wanted, actual, path) =>
    (actual === ABSENT) === (wanted !== false) ? [] : [differs(path, wanted === false ? "present" : "absent", actual)],
  $regex: (pattern, actual, path) =>
    typeof actual === "string" && new RegExp(String(pattern), "u").test(actual)
      ? []
      : [differs(path, `a text that matches /${String(pattern)}/`, actual)],
  /** A part of a text, or a list that has such elements, or an object that has such members and may have more. */
  $contains: (part, actual, path, context) => {
    if (typeof actual === "string") {
      return typeof part === "string" && actual.includes(part)
        ? []
        : [differs(path, `a text with ${show(part)} in it`, actual)];
    }
    if (!Array.isArray(actual)) return compare(part, actual, path, context);
    const parts: readonly unknown[] = Array.isArray(part) ? part : [part];
    return parts
      .filter((one) => !actual.some((element) => compare(one, element, path, context).length === 0))
      .map((one) => differs(path, `a list with ${show(one)} in it`, actual));
  },
  /** The same elements in any order. */
  $unordered: (elements, actual, path, context) => matchUnordered(elements, actual, path, context),
  /** Not one member more. */
  $exact: (value, actual, path) => (isDeepStrictEqual(value, actual) ? [] : [differs(path, show(value), actual)]),
  $not: (value, actual, path, context) =>
    compare(value, actual, path, context).length > 0 ? [] : [differs(path, `anything but ${show(value)}`, actual)],
  $length: (length, actual, path, context) => {
    const counted = typeof actual === "string" || Array.isArray(actual) ? actual.length : ABSENT;
    return compare(length, counted, `${path}.length`, context);
  },
  $gt: order("more than", (a, b) => a > b),
  $gte: order("at least", (a, b) => a >= b),
  $lt: order("less than", (a, b) => a < b),
  $lte: order("at most", (a, b) => a <= b),
  $ref: (reference, actual, path, { lookUp }) => {
    const value = lookUp(String(reference));
    if (value === ABSENT) return [differs(path, `the value of ${String(reference)}, which is absent`, actual)];
    return isDeepStrictEqual(value, actual) ? [] : [differs(path, `${show(value)} (${String(reference)})`, actual)];
  },
};

export const MATCHER_NAMES: readonly string[] = Object.keys(MATCHERS);

/** The matcher that an expectation is, or null for a plain value. */
export function matcherNameOf(expected: unknown): string | null {
  if (!isObject(expected)) return null;
  const names = Object.keys(expected);
  return names.length === 1 && names[0]!.startsWith("$") ? names[0]! : null;
}

/** Every difference, in the order of the expectation; none: it matches. An unknown matcher matches nothing and says so. */
export function compare(expected: unknown, actual: unknown, path: string, context: MatchContext): Difference[] {
  const name = matcherNameOf(expected);
  if (name !== null) {
    const matcher = MATCHERS[name];
    if (!matcher) return [{ path, expected: `the unknown matcher ${name}`, actual: show(actual) }];
    return matcher((expected as Record<string, unknown>)[name], actual, path, context);
  }
  if (Array.isArray(expected)) return compareLists(expected, actual, path, context);
  if (isObject(expected)) {
    if (!isObject(actual)) return [differs(path, show(expected), actual)];
    return Object.entries(expected).flatMap(([member, value]) =>
      compare(value, Object.hasOwn(actual, member) ? actual[member] : ABSENT, join(path, member), context),
    );
  }
  return Object.is(expected, actual) || expected === actual ? [] : [differs(path, show(expected), actual)];
}

function compareLists(
  expected: readonly unknown[],
  actual: unknown,
  path: string,
  context: MatchContext,
): Difference[] {
  if (!Array.isArray(actual)) return [differs(path, show(expected), actual)];
  if (actual.length !== expected.length) {
    return [differs(path, `${expected.length} elements: ${show(expected)}`, actual, `${actual.length} elements: `)];
  }
  return expected.flatMap((value, index) => compare(value, actual[index], `${path}[${index}]`, context));
}

function matchUnordered(elements: unknown, actual: unknown, path: string, context: MatchContext): Difference[] {
  if (!Array.isArray(elements) || !Array.isArray(actual))
    return [differs(path, `in any order ${show(elements)}`, actual)];
  const left: unknown[] = [...(actual as unknown[])];
  const missing = elements.filter((element) => {
    const at = left.findIndex((one) => compare(element, one, path, context).length === 0);
    if (at >= 0) left.splice(at, 1);
    return at < 0;
  });
  if (missing.length === 0 && left.length === 0) return [];
  const wanted = missing.length > 0 ? `in any order, also ${missing.map(show).join(", ")}` : "nothing more";
  return [differs(path, wanted, left)];
}

function order(words: string, holds: (a: number | string, b: number | string) => boolean): Matcher {
  return (bound, actual, path) => {
    const comparable =
      (typeof actual === "number" && typeof bound === "number") ||
      (typeof actual === "string" && typeof bound === "string");
    if (comparable && holds(actual as number, bound as number)) return [];
    return [differs(path, `${words} ${show(bound)}`, actual)];
  };
}

function isOfKind(kind: unknown, value: unknown): boolean {
  switch (kind) {
    case "list":
      return Array.isArray(value);
    case "null":
      return value === null;
    case "object":
      return isObject(value);
    case "integer":
      return Number.isInteger(value);
    case "uuid":
      return typeof value === "string" && UUID.test(value);
    case "time":
      return typeof value === "string" && /^\d{4}-\d\d-\d\dT/.test(value) && !Number.isNaN(Date.parse(value));
    default:
      return typeof value === kind;
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function join(path: string, member: string): string {
  const name = /^[\w$-]+$/.test(member) ? member : JSON.stringify(member);
  return path === "" ? name : `${path}.${name}`;
}

function differs(path: string, expected: string, actual: unknown, before = ""): Difference {
  return { path, expected, actual: before + show(actual) };
}

/** As JSON, short enough to be read. */
export function show(value: unknown): string {
  if (value === ABSENT) return "absent";
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 300 ? `${text.slice(0, 300)}… (${text.length} characters)` : text;
}
