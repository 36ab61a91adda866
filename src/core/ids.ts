// Ids of tasks and runs: UUIDs of version 7, so that they sort by creation time (RFC 9562, section 5.7).

export type TaskId = string & { readonly __brand: "TaskId" };
export type RunId = string & { readonly __brand: "RunId" };
/** Proves that this claim, not an earlier one, is writing. New on every claim. */
export type ClaimToken = string & { readonly __brand: "ClaimToken" };

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** Whether the text has the form of a UUID; any version. */
export function isUuid(text: string): boolean {
  return UUID.test(text);
}

/** The smallest id of version 7 that this moment can have: what is below it is older. */
export function firstIdAt(ms: number): string {
  const hex = Math.max(0, Math.floor(ms)).toString(16).padStart(12, "0");
  return `${hex.slice(0, 8)}-${hex.slice(8)}-0000-0000-000000000000`;
}

/** When an id of version 7 was made, in ms since the epoch; null for any other. */
export function idTime(id: string): number | null {
  return id[14] === "7" ? Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16) : null;
}

export interface IdSource {
  next(): string;
}

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

/**
 * A source of UUIDv7 that rises strictly within one process: ids of one millisecond count up in the 12 bits behind the
 * time, and when those are used up (or the clock went back) the time part runs ahead of the clock.
 * `randomBytes(n)` gives n unpredictable bytes; `now()` is in ms since the epoch.
 */
export function createIdSource(now: () => number, randomBytes: (size: number) => Uint8Array): IdSource {
  let lastMs = -1;
  let sequence = 0;
  let pool: Uint8Array = new Uint8Array(0);
  let used = 0;
  const takeRandom = (): number => {
    if (used === pool.length) {
      pool = randomBytes(1024);
      used = 0;
    }
    return pool[used++]!;
  };
  const advance = (ms: number): void => {
    if (ms > lastMs) {
      lastMs = ms;
      // The lower half, so that a burst of 2,048 ids fits into its own millisecond.
      sequence = ((takeRandom() << 8) | takeRandom()) & 0x7ff;
    } else if (++sequence > 0xfff) {
      lastMs += 1;
      sequence = 0;
    }
  };
  return {
    next() {
      advance(now());
      const high = Math.floor(lastMs / 0x10000);
      const low = lastMs % 0x10000;
      let text = (high >>> 0).toString(16).padStart(8, "0") + "-" + low.toString(16).padStart(4, "0");
      text += "-7" + sequence.toString(16).padStart(3, "0");
      text += "-" + HEX[0x80 | (takeRandom() & 0x3f)] + HEX[takeRandom()] + "-";
      for (let i = 0; i < 6; i += 1) text += HEX[takeRandom()];
      return text;
    },
  };
}
