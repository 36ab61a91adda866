// A scenario with a matrix stands for one scenario for each combination of its values. `${matrix.name}` alone is the value itself, inside a
// text it is the value's text.
import type { Path } from "./located.ts";

export interface Combination {
  /** Such as ` [size=2, kind=bug]`; empty without a matrix. */
  readonly title: string;
  readonly value: unknown;
}

const REFERENCE = /\$\{matrix\.(\w+)\}/g;
/** More is a mistake in the file rather than a wish. */
const MOST = 1_000;

/** Tells what is wrong to `note`; what cannot be expanded stays as it is for the schema to judge. */
export function combinations(value: unknown, note: (at: Path, message: string) => void): Combination[] {
  const matrix = isObject(value) ? value["matrix"] : undefined;
  if (!isObject(matrix) || !Object.values(matrix).every((one) => Array.isArray(one) && one.length > 0)) {
    return [{ title: "", value }];
  }
  const axes = Object.entries(matrix) as [string, unknown[]][];
  const count = axes.reduce((product, [, values]) => product * values.length, 1);
  if (count > MOST) {
    note(["matrix"], `matrix: ${count} combinations are more than ${MOST}`);
    return [];
  }
  let all: Readonly<Record<string, unknown>>[] = [{}];
  for (const [name, values] of axes) all = all.flatMap((one) => values.map((item) => ({ ...one, [name]: item })));
  return all.map((chosen) => {
    const title = axes.map(([name]) => `${name}=${shortText(chosen[name])}`).join(", ");
    const expanded = replace(value, [], chosen, note);
    return { title: ` [${title}]`, value: { ...(expanded as object), matrix } };
  });
}

function replace(
  value: unknown,
  at: Path,
  chosen: Readonly<Record<string, unknown>>,
  note: (at: Path, message: string) => void,
): unknown {
  if (typeof value === "string") return replaceText(value, at, chosen, note);
  if (Array.isArray(value)) return value.map((one, index) => replace(one, [...at, index], chosen, note));
  if (!isObject(value)) return value;
  const members = Object.entries(value).map(([name, one]): [string, unknown] => {
    const isMatrix = at.length === 0 && name === "matrix";
    return [name, isMatrix ? one : replace(one, [...at, name], chosen, note)];
  });
  return Object.fromEntries(members);
}

function replaceText(
  text: string,
  at: Path,
  chosen: Readonly<Record<string, unknown>>,
  note: (at: Path, message: string) => void,
): unknown {
  const valueOf = (name: string): unknown => {
    if (Object.hasOwn(chosen, name)) return chosen[name];
    note(at, `\${matrix.${name}}: the matrix has ${Object.keys(chosen).join(", ")}`);
    return "";
  };
  const [only] = text.matchAll(REFERENCE);
  if (only && only[0] === text) return valueOf(only[1]!);
  return text.replace(REFERENCE, (_all, name: string) => {
    const value = valueOf(name);
    return typeof value === "string" ? value : JSON.stringify(value);
  });
}

function shortText(value: unknown): string {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return text.length > 40 ? `${text.slice(0, 39)}…` : text;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
