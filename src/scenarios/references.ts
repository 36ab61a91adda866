// What happened so far in a scenario, by id: what `{$ref: "first.body.run_id"}` and `${first.body.run_id}` mean.
import type { Answer } from "./api.ts";
import { pathOf } from "./located.ts";
import { ABSENT, show } from "./matchers.ts";

const REFERENCE = /\$\{([A-Za-z_][\w-]*(?:\.[^}]+)?)\}/g;

export class Answers {
  readonly #byId = new Map<string, Answer>();

  /** Starts with what happened before a crash. */
  constructor(earlier: Iterable<readonly [string, Answer]> = []) {
    this.#byId = new Map(earlier);
  }

  set(id: string | undefined, answer: Answer): void {
    if (id !== undefined) this.#byId.set(id, answer);
  }

  entries(): [string, Answer][] {
    return [...this.#byId];
  }

  /** ABSENT: there is no such answer, or no such member in it. */
  lookUp(reference: string): unknown {
    const [id, ...rest] = pathOf(reference);
    let value: unknown = this.#byId.get(String(id)) ?? ABSENT;
    for (const part of rest) {
      const isThere = typeof value === "object" && value !== null && Object.hasOwn(value, part);
      value = isThere ? (value as Record<string | number, unknown>)[part] : ABSENT;
    }
    return value;
  }

  /** The value with every `${…}` that names an answer replaced; other texts stay. */
  filled<T>(value: T): T {
    return this.#fill(value) as T;
  }

  #fill(value: unknown): unknown {
    if (typeof value === "string") return this.#fillText(value);
    if (Array.isArray(value)) return value.map((one) => this.#fill(one));
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, this.#fill(one)]));
  }

  #fillText(text: string): unknown {
    const [only] = text.matchAll(REFERENCE);
    if (only && only[0] === text) {
      const value = this.lookUp(only[1]!);
      return value === ABSENT ? text : value;
    }
    return text.replace(REFERENCE, (all, reference: string) => {
      const value = this.lookUp(reference);
      if (value === ABSENT) return all;
      return typeof value === "string" ? value : show(value);
    });
  }
}
