// Tells two sets of rows apart whatever order they come in: the sum of every row's SHA-256. A row's own order (seq, attempt, log id) is
// data in it, so nothing that matters is lost by leaving the order of rows out, and stores that sort texts differently agree.
import { createHash } from "node:crypto";

const LIMIT = 1n << 256n;

export class RowDigest {
  #sum = 0n;
  #count = 0;

  add(row: object): void {
    this.#count += 1;
    this.#sum = (this.#sum + BigInt(`0x${createHash("sha256").update(canonical(row)).digest("hex")}`)) % LIMIT;
  }

  get count(): number {
    return this.#count;
  }

  /** 64 hex digits. */
  get digest(): string {
    return this.#sum.toString(16).padStart(64, "0");
  }
}

/** JSON with sorted keys; a key without a value is the same as none. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) =>
    typeof part === "object" && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}
