// The least HTTP client that can load the server: one request at a time on each kept-alive socket, answers cut by content-length. A
// general client would use more CPU than the engine it measures.
import net from "node:net";

export interface Answer {
  readonly status: number;
  readonly body: string;
}

const HEAD_END = Buffer.from("\r\n\r\n");

/** One kept-alive connection. */
export class Connection {
  readonly #socket: net.Socket;
  readonly #port: number;
  #rest: Buffer = Buffer.alloc(0);
  #done: ((answer: Answer) => void) | null = null;
  #lost: ((error: Error) => void) | null = null;

  private constructor(socket: net.Socket, port: number) {
    this.#socket = socket;
    this.#port = port;
    socket.setNoDelay(true);
    socket.on("data", (chunk: Buffer) => this.#read(chunk));
    socket.on("error", (error) => this.#lost?.(error));
    socket.on("close", () => this.#lost?.(new Error("the server closed the connection")));
  }

  static open(port: number): Promise<Connection> {
    return new Promise((resolve, reject) => {
      const socket = net.connect({ host: "127.0.0.1", port }, () => resolve(new Connection(socket, port)));
      socket.once("error", reject);
    });
  }

  /** The request whose bytes are ready; calls `done` with its answer, or `lost`. */
  send(request: Buffer | string, done: (answer: Answer) => void, lost: (error: Error) => void): void {
    this.#done = done;
    this.#lost = lost;
    this.#socket.write(request);
  }

  request(method: "GET" | "POST", path: string, body?: string): Promise<Answer> {
    return new Promise((resolve, reject) => this.send(requestBytes(this.#port, method, path, body), resolve, reject));
  }

  close(): void {
    this.#lost = null;
    this.#socket.destroy();
  }

  #read(chunk: Buffer): void {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const head = this.#rest.indexOf(HEAD_END);
    if (head < 0) return;
    const text = this.#rest.toString("latin1", 0, head);
    const length = Number(/content-length: (\d+)/i.exec(text)?.[1] ?? Number.NaN);
    const end = head + 4 + length;
    if (Number.isNaN(length)) throw new Error(`an answer without content-length:\n${text}`);
    if (this.#rest.length < end) return;
    const body = this.#rest.toString("utf8", head + 4, end);
    this.#rest = this.#rest.subarray(end);
    const done = this.#done;
    this.#done = null;
    this.#lost = null;
    done?.({ status: Number(text.slice(9, 12)), body });
  }
}

export function requestBytes(port: number, method: "GET" | "POST", path: string, body?: string): Buffer {
  const content =
    body === undefined ? "" : `content-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n`;
  return Buffer.from(`${method} ${path} HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\n${content}\r\n${body ?? ""}`);
}

export function createRun(port: number, workflow: string, input: object = {}): Buffer {
  const body = JSON.stringify({ workflow_name: workflow, input });
  return requestBytes(port, "POST", "/api/workflows/runs", body);
}

const EVENT_END = Buffer.from("\n\n");

/** Listens to GET /api/events and calls each type's function with how many of its events came at once. */
export class EventCounter {
  readonly #socket: net.Socket;
  readonly #watched: readonly { readonly needle: Buffer; readonly seen: (count: number) => void }[];
  #rest: Buffer = Buffer.alloc(0);
  #closed = false;
  lost: ((error: Error) => void) | null = null;

  private constructor(socket: net.Socket, watched: Readonly<Record<string, (count: number) => void>>) {
    this.#socket = socket;
    this.#watched = Object.entries(watched).map(([type, seen]) => ({ needle: Buffer.from(`event: ${type}\n`), seen }));
    socket.on("data", (chunk: Buffer) => this.#read(chunk));
    socket.on("error", () => undefined);
    socket.on("close", () => {
      if (!this.#closed) this.lost?.(new Error("the server cut the event stream off"));
    });
  }

  /** Resolves when the stream stands. */
  static open(port: number, watched: Readonly<Record<string, (count: number) => void>>): Promise<EventCounter> {
    return new Promise((resolve, reject) => {
      const socket = net.connect({ host: "127.0.0.1", port }, () => {
        const types = Object.keys(watched).join(",");
        socket.write(requestBytes(port, "GET", `/api/events?types=${types}`));
      });
      socket.once("error", reject);
      socket.once("data", () => resolve(new EventCounter(socket, watched)));
    });
  }

  close(): void {
    this.#closed = true;
    this.#socket.destroy();
  }

  /** Looks at whole events only, so that none is missed or counted twice where two chunks meet. */
  #read(chunk: Buffer): void {
    const text = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const end = text.lastIndexOf(EVENT_END);
    this.#rest = end < 0 ? text : text.subarray(end);
    if (end < 0) return;
    const whole = text.subarray(0, end);
    for (const { needle, seen } of this.#watched) {
      const count = occurrences(whole, needle);
      if (count > 0) seen(count);
    }
  }
}

function occurrences(text: Buffer, needle: Buffer): number {
  let count = 0;
  for (let at = text.indexOf(needle); at >= 0; at = text.indexOf(needle, at + needle.length)) count += 1;
  return count;
}
