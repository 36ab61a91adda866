// The sockets: finds a free port, answers in the envelope also where no request came to be, and closes without losing an answer.
import { once, setMaxListeners } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerOptions, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { getRequestListener, RequestError } from "@hono/node-server";
import { ChironError } from "../core/errors.ts";
import type { Bindings } from "./deps.ts";
import { envelope } from "./errors.ts";

/** Ports that are tried after the wanted one. */
const MORE_PORTS = 20;
/** Longer than the idle time of common load balancers (60 s), so that they never use a connection we are closing. */
const KEEP_ALIVE_MS = 65_000;
/** How long running requests may take once the server closes. */
const CLOSE_MS = 5_000;
const LAST_PORT = 65_535;
/** A whole request is here in this time, or its sender is told that it was too slow. Far longer than any sender of webhooks waits itself. */
const REQUEST_MS = 60_000;
/** The same for its head. */
const HEAD_MS = 20_000;
const CHECK_EVERY_MS = 5_000;

export interface ListenOptions {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** Tries the next ports when this one is taken. */
  readonly moveOn: boolean;
  /** Time a request has to arrive. */
  readonly requestMs?: number;
}

export interface Listening {
  readonly url: string;
  readonly port: number;
  /** Takes no new requests, ends the streams, and lets the others finish within a bound. May be called twice. */
  close(): Promise<void>;
}

interface Served {
  fetch(request: Request, env: Bindings): Response | Promise<Response>;
}

/** Serves the app; throws ChironError port_taken, or unavailable when the address cannot be bound. */
export async function listen(app: Served, options: ListenOptions): Promise<Listening> {
  const closing = new AbortController();
  // Every open stream listens.
  setMaxListeners(0, closing.signal);
  const server = createServer(
    timesOf(options.requestMs ?? REQUEST_MS),
    getRequestListener(
      (request, env) => {
        const bindings = env as Bindings;
        bindings.closing = closing.signal;
        return app.fetch(request, bindings);
      },
      { errorHandler: unserved },
    ) as (incoming: IncomingMessage, outgoing: ServerResponse) => void,
  );
  server.on("clientError", refuse);
  const port = await bind(server, options);
  let closed: Promise<void> | null = null;
  return { url: urlOf(options.host, port), port, close: () => (closed ??= close(server, closing)) };
}

function timesOf(requestMs: number): ServerOptions {
  return {
    keepAliveTimeout: KEEP_ALIVE_MS,
    requestTimeout: requestMs,
    headersTimeout: Math.min(HEAD_MS, requestMs),
    connectionsCheckingInterval: Math.min(CHECK_EVERY_MS, requestMs),
  };
}

async function bind(server: Server, { host, port, moveOn }: ListenOptions): Promise<number> {
  const last = moveOn && port !== 0 ? Math.min(port + MORE_PORTS, LAST_PORT) : port;
  for (let candidate = port; candidate <= last; candidate += 1) {
    try {
      server.listen({ host, port: candidate });
      await once(server, "listening");
      return (server.address() as AddressInfo).port;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE") throw cannotBind(host, candidate, error as Error);
    }
  }
  throw new ChironError("port_taken", `port ${port}${last > port ? ` to ${last}` : ""} on ${host} is in use`, {
    hint: "Stop what listens there, or choose another with --port.",
  });
}

function cannotBind(host: string, port: number, cause: Error): ChironError {
  return new ChironError("unavailable", `cannot listen on ${host} port ${port}: ${cause.message}`, { cause });
}

async function close(server: Server, closing: AbortController): Promise<void> {
  closing.abort();
  const closed = once(server, "close");
  server.close();
  // A kept-alive connection becomes idle only when its last answer is out.
  const idle = setInterval(() => server.closeIdleConnections(), 20);
  const forced = setTimeout(() => server.closeAllConnections(), CLOSE_MS);
  await closed;
  clearInterval(idle);
  clearTimeout(forced);
}

/** What could not be made a request; the app itself answers all that it is given. */
function unserved(error: unknown): Response {
  if (!(error instanceof RequestError)) return envelope(500, "internal", "internal server error");
  return envelope(400, "bad_request", "the request target or the Host header is malformed");
}

/** What the HTTP parser could not read. */
function refuse(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (error.code === "ECONNRESET" || !socket.writable) {
    socket.destroy();
    return;
  }
  const [status, text] =
    error.code === "HPE_HEADER_OVERFLOW"
      ? ["431 Request Header Fields Too Large", "the request's headers are too large"]
      : error.code === "ERR_HTTP_REQUEST_TIMEOUT"
        ? ["408 Request Timeout", "the request took too long to arrive"]
        : ["400 Bad Request", "the request is not valid HTTP"];
  const body = JSON.stringify({ ok: false, error: text, code: "bad_request" });
  socket.end(
    `HTTP/1.1 ${status}\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  );
}

const WILDCARDS = new Set(["", "0.0.0.0", "::"]);

function urlOf(host: string, port: number): string {
  const name = WILDCARDS.has(host) ? "localhost" : host.includes(":") ? `[${host}]` : host;
  return `http://${name}:${port}`;
}
