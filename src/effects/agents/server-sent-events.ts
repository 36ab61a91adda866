// Reads a stream of server-sent events (the HTML standard's text/event-stream), whatever pieces it arrives in. Bounded: an event longer
// than the limit is an error. Reconnecting is the caller's business.
import { ChironError } from "../../core/errors.ts";

export interface ServerSentEvent {
  readonly event: string;
  readonly data: string;
  /** Of this event; null when it carried none. */
  readonly id: string | null;
}

export interface StreamOptions {
  readonly limitBytes: number;
  /** Called for every piece of the stream, also one that completes nothing: a comment keeps a connection alive. */
  readonly heard?: () => void;
}

/** Ends when the stream ends; throws what the connection throws. */
export async function* readEvents(
  body: ReadableStream<Uint8Array<ArrayBuffer>>,
  { limitBytes, heard }: StreamOptions,
): AsyncGenerator<ServerSentEvent> {
  let rest = "";
  let fields = new Fields(limitBytes);
  for await (const text of body.pipeThrough(new TextDecoderStream())) {
    heard?.();
    // Looks at each character once, however long a line is.
    if (!/[\r\n]/.test(text) && !rest.endsWith("\r")) {
      rest += text;
      if (rest.length > limitBytes) throw tooLong(limitBytes);
      continue;
    }
    const lines = (rest + text).split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop()!;
    if (rest.length > limitBytes) throw tooLong(limitBytes);
    for (const line of lines) {
      if (line !== "") fields.take(line);
      else {
        const event = fields.event();
        fields = new Fields(limitBytes);
        if (event) yield event;
      }
    }
  }
}

/** The lines of one event so far. */
class Fields {
  readonly #limit: number;
  readonly #data: string[] = [];
  #event = "message";
  #id: string | null = null;
  #length = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  take(line: string): void {
    this.#length += line.length;
    if (this.#length > this.#limit) throw tooLong(this.#limit);
    const colon = line.indexOf(":");
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (name === "data") this.#data.push(value);
    else if (name === "event") this.#event = value;
    else if (name === "id" && value !== "") this.#id = value;
  }

  /** Null for an event without data, which the standard says is none. */
  event(): ServerSentEvent | null {
    if (this.#data.length === 0) return null;
    return { event: this.#event, data: this.#data.join("\n"), id: this.#id };
  }
}

function tooLong(limit: number): ChironError {
  return new ChironError("upstream", `an event of the stream is longer than ${limit} bytes`, {
    details: { fault: "output_too_large" },
  });
}
