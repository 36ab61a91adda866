// The last part of what a process wrote to its error stream: bounded, for the report of a crash.

const KEPT_BYTES = 32 * 1024;

export class StderrTail {
  #chunks: Buffer[] = [];
  #bytes = 0;

  push(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    while (this.#bytes - this.#chunks[0]!.length >= KEPT_BYTES) this.#bytes -= this.#chunks.shift()!.length;
  }

  /** The last lines, at most `limit` characters. */
  text(limit = 4_000): string {
    const text = Buffer.concat(this.#chunks).toString("utf8").trim();
    return text.length <= limit ? text : `…${text.slice(-limit)}`;
  }
}
