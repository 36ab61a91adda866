// What a long call says before its answer, within bounds whatever it says: the newest lines are kept, the others counted.
import { toJsonText, type JsonText } from "../core/json-text.ts";

const KEPT_LINES = 200;
const KEPT_CHARACTERS = 64 * 1024;
const LINE_CHARACTERS = 4_000;
/** Lines that are told while they come; who wants more of one call has its backend's own log. */
const TOLD_LINES = 2_000;

export class ProgressLines {
  #lines: string[] = [];
  #size = 0;
  #count = 0;

  /** The line as it is kept; null: so many were told before that this one is only kept. */
  add(raw: string): string | null {
    const line = raw.length > LINE_CHARACTERS ? `${raw.slice(0, LINE_CHARACTERS).toWellFormed()}…` : raw;
    this.#lines.push(line);
    this.#size += line.length;
    this.#count += 1;
    while (this.#lines.length > KEPT_LINES || this.#size > KEPT_CHARACTERS) this.#size -= this.#lines.shift()!.length;
    return this.#count <= TOLD_LINES ? line : null;
  }

  /** The kept lines as a JSON array; null when nothing was said. */
  text(): JsonText | null {
    if (this.#count === 0) return null;
    const left = this.#count - this.#lines.length;
    return toJsonText(left === 0 ? this.#lines : [`… ${left} earlier lines were left out`, ...this.#lines]);
  }
}
