// What an agent says during one turn, in lines and bounded: the line that passes the limit ends the turn with a named error.
import { ChironError } from "../../core/errors.ts";

const LINE_END = /\r?\n/;

export class Output {
  readonly #limit: number;
  readonly #take: (line: string) => void;
  #lines: string[] = [];
  #bytes = 0;
  #rest = "";

  constructor(limitBytes: number, take: (line: string) => void) {
    this.#limit = limitBytes;
    this.#take = take;
  }

  get lines(): readonly string[] {
    return this.#lines;
  }

  /** One whole line. */
  line(text: string): void {
    this.#count(text);
    this.#keep(text);
  }

  /** Text that may hold a part of a line or many of them. */
  text(text: string): void {
    this.#count(text);
    // Looks at each character once, however long a line is.
    if (!text.includes("\n")) {
      this.#rest += text;
      return;
    }
    const pieces = (this.#rest + text).split(LINE_END);
    this.#rest = pieces.pop()!;
    for (const piece of pieces) this.#keep(piece);
  }

  /** The last line may have had no end. */
  finish(): readonly string[] {
    if (this.#rest !== "") this.#keep(this.#rest);
    this.#rest = "";
    return this.#lines;
  }

  /** Forgets everything: the turn's output is told again from its beginning. */
  restart(): void {
    this.#lines = [];
    this.#bytes = 0;
    this.#rest = "";
  }

  #count(text: string): void {
    // A line without text takes its place, too.
    this.#bytes += Buffer.byteLength(text) + 1;
    if (this.#bytes <= this.#limit) return;
    this.restart();
    throw new ChironError("upstream", `the agent wrote more than ${this.#limit} bytes`, {
      hint: "Ask it for less, let it write to a file, or raise agents.max_output_bytes in chiron.toml.",
      details: { fault: "output_too_large" },
    });
  }

  #keep(line: string): void {
    this.#lines.push(line);
    this.#take(line);
  }
}
