// One way for every command to reach the API: the server named by CHIRON_API_URL / CENTAUR_API_URL or --url, else the one that runs for this
// store, else the same API in this process on the store itself.
import { ChironError, ERROR_CODES, messageOf, type ErrorCode } from "../core/errors.ts";
import type { Config } from "../config/config.ts";
import { readMovedClock, type MovedClock } from "./moved-clock.ts";
import { readServerFile } from "./server-file.ts";
import type { Runtime, RuntimeOptions, Wiring } from "./wiring.ts";

/** Long enough for a busy server, short enough for a person. */
const PROBE_MS = 1_000;

export interface Client {
  /** The server's address; null when the API runs in this process. */
  readonly url: string | null;
  /** The runtime in this process, when there is one. */
  readonly local: Runtime | null;
  /** The answer's JSON. Throws ChironError with the server's message, code and hint for anything but 2xx. */
  get(path: string): Promise<Record<string, unknown>>;
  post(path: string, body?: string): Promise<Record<string, unknown>>;
  /** Sends a file. */
  upload(path: string, file: Uint8Array): Promise<Record<string, unknown>>;
  /** The raw response, for streams. */
  open(path: string, signal?: AbortSignal): Promise<Response>;
  close(): Promise<void>;
  /** The engine's time, which a person may have moved. */
  now(): number;
  /** What it last said of its clock, when that is not the machine's. */
  movedClock(): MovedClock | null;
}

export interface ClientOptions {
  readonly url?: string;
  /** What the runtime in this process must do when no server runs. */
  readonly local: Pick<RuntimeOptions, "work" | "load">;
}

export async function connect(wiring: Wiring, config: Config, options: ClientOptions): Promise<Client> {
  const named = options.url ?? config.env["CHIRON_API_URL"] ?? config.env["CENTAUR_API_URL"];
  if (named) return overHttp(named.replace(/\/+$/, ""), config);
  const server = readServerFile(config);
  if (server && (await answers(server.url))) return overHttp(server.url, config);
  const runtime = await wiring.openRuntime(config, { ...options.local, watch: false, mode: "local" });
  return makeClient(null, runtime, (path, init) => runtime.fetch(new Request(`http://localhost${path}`, init)), config);
}

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/healthz`, { signal: AbortSignal.timeout(PROBE_MS) })).ok;
  } catch {
    return false;
  }
}

function overHttp(url: string, config: Config): Client {
  return makeClient(url, null, (path, init) => fetch(url + path, init), config);
}

type Send = (path: string, init: RequestInit) => Promise<Response>;

function makeClient(url: string | null, local: Runtime | null, ask: Send, config: Config): Client {
  let clock: MovedClock | null = null;
  const send: Send = async (path, init) => {
    const response = await ask(path, init);
    clock = readMovedClock(response.headers, Date.now());
    return response;
  };
  const [key] = config.envKeys;
  const headers: Record<string, string> = {
    "x-chiron-client": "cli",
    ...(key ? { authorization: `Bearer ${key}` } : {}),
  };
  const open: Client["open"] = async (path, signal) => {
    const response = await reach(url, () => send(path, { headers, ...(signal ? { signal } : {}) }));
    if (!response.ok) throw await faultOf(response);
    return response;
  };
  const json = async (response: Response): Promise<Record<string, unknown>> => {
    if (!response.ok) throw await faultOf(response);
    return (await response.json()) as Record<string, unknown>;
  };
  return {
    url,
    local,
    open,
    get: async (path) => json(await reach(url, () => send(path, { headers }))),
    post: async (path, body) => {
      const init = { method: "POST", headers: { ...headers, "content-type": "application/json" }, body: body ?? "{}" };
      return json(await reach(url, () => send(path, init)));
    },
    upload: async (path, file) => {
      const init = {
        method: "POST",
        headers: { ...headers, "content-type": "application/octet-stream" },
        body: new Uint8Array(file),
      };
      return json(await reach(url, () => send(path, init)));
    },
    close: async () => local?.close(),
    now: () => clock?.now(Date.now()) ?? Date.now(),
    movedClock: () => clock,
  };
}

async function reach(url: string | null, send: () => Promise<Response>): Promise<Response> {
  try {
    return await send();
  } catch (error) {
    throw new ChironError(
      "unavailable",
      `the server at ${url ?? "this process"} does not answer: ${messageOf(error)}`,
      {
        hint: 'Start one with "chiron dev", or check CHIRON_API_URL and --url.',
        cause: error,
      },
    );
  }
}

/** The error envelope as the error it was made from. */
async function faultOf(response: Response): Promise<ChironError> {
  const text = await response.text();
  let body: { error?: unknown; code?: unknown; hint?: unknown } = {};
  try {
    body = JSON.parse(text) as typeof body;
  } catch {
    // Not an envelope: a proxy's page, perhaps. Its status says what can be said.
  }
  const known = ERROR_CODES.find((code) => code === body.code);
  const message = typeof body.error === "string" ? body.error : `HTTP ${response.status}`;
  return new ChironError(
    known ?? codeOf(response.status),
    message,
    typeof body.hint === "string" ? { hint: body.hint } : {},
  );
}

function codeOf(status: number): ErrorCode {
  if (status === 401) return "unauthenticated";
  if (status === 403) return "forbidden";
  if (status === 404) return "not_found";
  if (status === 409) return "conflict";
  if (status < 500) return "bad_request";
  return "unavailable";
}
