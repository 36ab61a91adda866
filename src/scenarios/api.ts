// The API of the engine under test: in this process or over the network, the same requests either way.
import { ChironError, messageOf } from "../core/errors.ts";

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Parsed where it is JSON, else the text. */
  readonly body: unknown;
}

export interface ApiTarget {
  /** Without a slash at the end. */
  readonly base: string;
  fetch(request: Request): Promise<Response>;
  /** For requests other than deliveries. */
  readonly headers?: Readonly<Record<string, string>>;
}

export type Json = Readonly<Record<string, unknown>>;

export class Api {
  readonly #target: ApiTarget;

  constructor(target: ApiTarget) {
    this.#target = target;
  }

  get base(): string {
    return this.#target.base;
  }

  /** Any answer, whatever its status. Throws unavailable when there is none. */
  async send(url: string, init: RequestInit): Promise<Answer> {
    let response: Response;
    try {
      response = await this.#target.fetch(new Request(url, init));
    } catch (error) {
      throw new ChironError("unavailable", `${this.base} does not answer: ${messageOf(error)}`, { cause: error });
    }
    return { status: response.status, headers: Object.fromEntries(response.headers), body: await bodyOf(response) };
  }

  /** Any answer to a request of a client of the API. */
  post(path: string, body: unknown): Promise<Answer> {
    const headers = { ...this.#target.headers, "content-type": "application/json" };
    return this.send(this.base + path, { method: "POST", headers, body: JSON.stringify(body) });
  }

  /** The answer's members. Throws upstream for anything but 2xx. */
  async get(path: string): Promise<Json> {
    return accepted(await this.send(this.base + path, { headers: { ...this.#target.headers } }), path);
  }

  /** As `get`. */
  async order(path: string, body: unknown): Promise<Json> {
    return accepted(await this.post(path, body), path);
  }
}

function accepted({ status, body }: Answer, path: string): Json {
  if (status >= 200 && status < 300 && typeof body === "object" && body !== null) return body as Json;
  const said = typeof body === "object" && body !== null ? (body as Json)["error"] : body;
  throw new ChironError("upstream", `${path}: ${status} ${String(said).slice(0, 300)}`);
}

async function bodyOf(response: Response): Promise<unknown> {
  const text = await response.text();
  if (text === "") return null;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}
