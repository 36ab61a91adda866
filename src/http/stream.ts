// Server-sent events with bounds: so many streams at once, so many unread bytes for each. A client that does not keep up is cut off
// (it may come again), because the events it misses would otherwise fill the memory.
import { ChironError, messageOf } from "../core/errors.ts";
import type { Bus } from "../core/bus.ts";
import type { Clock } from "../ports/clock.ts";
import { answer } from "./responses.ts";
import type { Call } from "./route.ts";

const TYPE = "text/event-stream";
/** Unread bytes a client may have beside what the sockets hold. */
const BUFFER_BYTES = 1024 * 1024;
const MAX_STREAMS = 256;
/** Shorter than the idle limits of common proxies (60 s), so that a quiet stream stays. */
const HEARTBEAT_MS = 15_000;

const encoder = new TextEncoder();

/** One client's stream. Calls after its end do nothing. */
export interface Outlet {
  send(event: string, data: string): void;
  end(): void;
  /** Aborts when the stream has ended, from whichever side. */
  readonly signal: AbortSignal;
}

export interface Feed {
  /** Called once, when the client is there. What it throws ends the stream. */
  begin(outlet: Outlet): void | Promise<void>;
  /** Called with every heartbeat. */
  beat?(outlet: Outlet): void | Promise<void>;
}

export interface StreamLimits {
  readonly bufferBytes?: number;
  readonly maxStreams?: number;
  readonly heartbeatMs?: number;
}

export class Streams {
  readonly #clock: Clock;
  readonly #bus: Bus;
  readonly #limits: Required<StreamLimits>;
  #open = 0;

  constructor(deps: { readonly clock: Clock; readonly bus: Bus }, limits: StreamLimits = {}) {
    this.#clock = deps.clock;
    this.#bus = deps.bus;
    this.#limits = { bufferBytes: BUFFER_BYTES, maxStreams: MAX_STREAMS, heartbeatMs: HEARTBEAT_MS, ...limits };
  }

  /** The answer that carries this feed until either side ends it. Throws ChironError unavailable when there are too many. */
  answer({ request, env }: Pick<Call, "request" | "env">, feed: Feed): Response {
    // Nobody reads the body of a HEAD answer, so a stream behind it would never end.
    if (request.method === "HEAD") return answer(null, TYPE);
    if (this.#open >= this.#limits.maxStreams) {
      throw new ChironError("unavailable", `there are ${this.#open} event streams open, which is the limit`);
    }
    this.#open += 1;
    const ending = new AbortController();
    ending.signal.addEventListener("abort", () => (this.#open -= 1), { once: true });
    const { body, outlet } = createOutlet(ending, this.#limits.bufferBytes, env.outgoing);
    if (env.closing) {
      env.closing.addEventListener("abort", () => outlet.end(), { signal: ending.signal });
      if (env.closing.aborted) outlet.end();
    }
    void this.#run(feed, outlet);
    return answer(body, TYPE);
  }

  async #run(feed: Feed, outlet: Outlet & { comment(text: string): void }): Promise<void> {
    try {
      // A first byte at once: the client knows that the stream stands.
      outlet.comment("open");
      await feed.begin(outlet);
      while (!outlet.signal.aborted) {
        await this.#clock.sleep(this.#limits.heartbeatMs, outlet.signal);
        if (outlet.signal.aborted) return;
        outlet.comment("keep-alive");
        await feed.beat?.(outlet);
      }
    } catch (error) {
      this.#bus.publish({ type: "service.error", service: "http stream", message: messageOf(error) });
      outlet.end();
    }
  }
}

function createOutlet(ending: AbortController, bufferBytes: number, socket: { destroy(): unknown } | undefined) {
  let controller!: ReadableStreamDefaultController<Uint8Array>;
  const body = new ReadableStream<Uint8Array>(
    {
      start: (its) => {
        controller = its;
      },
      cancel: () => ending.abort(),
    },
    new ByteLengthQueuingStrategy({ highWaterMark: bufferBytes }),
  );
  const write = (text: string): void => {
    if (ending.signal.aborted) return;
    const bytes = encoder.encode(text);
    // An empty buffer takes any one event; after that the bound holds.
    const room = controller.desiredSize ?? 0;
    if (bytes.length > room && room < bufferBytes) {
      ending.abort();
      // With the socket gone its server cancels the stream, and what it held is let go.
      if (socket) socket.destroy();
      else controller.error(new ChironError("unavailable", "the client did not keep up with the events"));
      return;
    }
    controller.enqueue(bytes);
  };
  const outlet = {
    signal: ending.signal,
    // A stored value may hold line breaks between its tokens; each line of an event's data needs its own field.
    send: (event: string, data: string) =>
      write(`event: ${event}\ndata: ${data.replaceAll(/\r\n?|\n/g, "\ndata: ")}\n\n`),
    comment: (text: string) => write(`: ${text}\n\n`),
    end: () => {
      if (ending.signal.aborted) return;
      ending.abort();
      controller.close();
    },
  };
  return { body, outlet };
}
