// Cuts a stream of bytes into lines, looking at each byte once however long a line is. Bytes become characters one to one (latin1): the
// protocol is ASCII, so that is its text; `asUtf8` recovers what a stray line really said.

/** Longer lines than this are not values but a host gone wrong; also V8's strings end near 512 MiB. */
export const LONGEST_LINE = 256 * 1024 * 1024;

export class LineTooLong extends Error {}

export class LineSplitter {
  #parts: string[] = [];
  #held = 0;

  /** Calls `each` for every line that this chunk completes, without its newline. Throws LineTooLong when a line passes LONGEST_LINE. */
  push(chunk: Buffer, each: (line: string) => void): void {
    const text = chunk.toString("latin1");
    let from = 0;
    for (;;) {
      const end = text.indexOf("\n", from);
      if (end < 0) break;
      const piece = text.slice(from, end);
      from = end + 1;
      each(this.#parts.length === 0 ? piece : this.#complete(piece));
    }
    if (from === text.length) return;
    this.#parts.push(from === 0 ? text : text.slice(from));
    this.#held += text.length - from;
    if (this.#held > LONGEST_LINE) throw new LineTooLong(`a line is longer than ${LONGEST_LINE} bytes`);
  }

  /** What stood after the last newline; the splitter is empty afterwards. */
  rest(): string {
    return this.#complete("");
  }

  #complete(last: string): string {
    this.#parts.push(last);
    const line = this.#parts.join("");
    this.#parts = [];
    this.#held = 0;
    return line;
  }
}

/** The text of a line that was read byte by byte; bytes that are not UTF-8 are replaced. */
export function asUtf8(line: string): string {
  return Buffer.from(line, "latin1").toString("utf8");
}
