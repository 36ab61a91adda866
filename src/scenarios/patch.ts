// Changes to a JSON body: a merge (RFC 7396: null removes) or single members by path.
import { ChironError } from "../core/errors.ts";
import type { DeliveryItem } from "./format.ts";
import { pathOf } from "./located.ts";

type Patch = NonNullable<DeliveryItem["patch"]>;
type Container = Record<string | number, unknown>;

/** The value with the changes; the given one stays as it is. Throws bad_request for a path through something that holds nothing. */
export function patched(value: unknown, patch: Patch): unknown {
  if (!Array.isArray(patch)) return merged(value, patch);
  const copy = structuredClone(value);
  for (const one of patch) setAt(copy, one);
  return copy;
}

function merged(value: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return patch;
  const result = new Map(Object.entries(isObject(value) ? value : {}));
  for (const [name, one] of Object.entries(patch)) {
    if (one === null) result.delete(name);
    else result.set(name, merged(result.get(name), one));
  }
  return Object.fromEntries(result);
}

function setAt(root: unknown, { path, value, remove }: Extract<Patch, readonly unknown[]>[number]): void {
  const parts = pathOf(path);
  // A member of that name is written by a merge; here it would be everybody's.
  if (parts.includes("__proto__")) throw nowhere(path);
  const last = parts.pop();
  let target = root;
  for (const [at, part] of parts.entries()) {
    if (!isContainer(target)) throw nowhere(path);
    const next = parts[at + 1] ?? last;
    if (!isContainer(target[part])) target[part] = typeof next === "number" ? [] : {};
    target = target[part];
  }
  if (last === undefined || !isContainer(target)) throw nowhere(path);
  if (!remove) target[last] = value;
  else if (Array.isArray(target) && typeof last === "number") target.splice(last, 1);
  else delete target[last];
}

function nowhere(path: string): ChironError {
  return new ChironError("bad_request", `patch: ${path} leads nowhere in this body`);
}

function isContainer(value: unknown): value is Container {
  return typeof value === "object" && value !== null;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return isContainer(value) && !Array.isArray(value);
}
