// The API as the page calls it: one function for a request, its answers in the server's own types. A refusal becomes a Refusal with what
// the server says to do next. Numbers that JavaScript cannot hold stay as they were written.
import { signal } from "@preact/signals";

/** A number whose digits would be lost. */
export class ExactNumber {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

export class Refusal extends Error {
  readonly status: number;
  readonly code: string;
  readonly hint: string | null;

  constructor(status: number, code: string, message: string, hint: string | null) {
    super(message);
    this.status = status;
    this.code = code;
    this.hint = hint;
  }
}

/** True while the server wants a key that the page does not have. */
export const keyWanted = signal(false);

export function get<T>(path: string, signal_?: AbortSignal): Promise<T> {
  return call<T>(path, signal_ ? { signal: signal_ } : {});
}

/** Sends JSON text, so that an input goes out as it was typed. */
export function post<T>(path: string, json?: string): Promise<T> {
  const headers = { "content-type": "application/json" };
  return call<T>(path, { method: "POST", ...(json === undefined ? {} : { headers, body: json }) });
}

async function call<T>(path: string, init: RequestInit): Promise<T> {
  const response = await fetch(path, init).catch((error: unknown) => {
    if (init.signal?.aborted) throw error;
    throw new Refusal(0, "unreachable", "the server does not answer", "Is it still running? The page tries again by itself."); // prettier-ignore
  });
  const text = await response.text();
  if (response.ok) return parseExact(text) as T;
  if (response.status === 401) keyWanted.value = true;
  throw refusalOf(response.status, text);
}

function refusalOf(status: number, text: string): Refusal {
  try {
    const { error, code, hint } = JSON.parse(text) as { error: string; code: string; hint?: string };
    return new Refusal(status, code, error, hint ?? null);
  } catch {
    return new Refusal(status, "internal", `the server answered ${status}`, null);
  }
}

const LONG_NUMBER = /[\d.]{16}|[eE][+-]?\d/;

interface Source {
  readonly source?: string;
}

/** JSON.parse, but what a double cannot say is kept as text. */
export function parseExact(text: string): unknown {
  if (!LONG_NUMBER.test(text)) return JSON.parse(text);
  const reviver = (_key: string, value: unknown, context?: Source): unknown => {
    const source = context?.source;
    if (typeof value !== "number" || source === undefined || String(value) === source) return value;
    const isExact = Number.isFinite(value) && /^-?\d{1,15}(?:\.\d{0,3})?$/.test(source);
    return isExact ? value : new ExactNumber(source);
  };
  return JSON.parse(text, reviver as (key: string, value: unknown) => unknown);
}
