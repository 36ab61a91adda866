// Reads runs from the API: typed fields for what commands decide and print, the answer's own text for what they pass on.
import { sliceMembers, type JsonText } from "../core/json-text.ts";
import type { State } from "../core/states.ts";
import type { Client } from "./client.ts";

export interface WireFailure {
  readonly name: string;
  readonly message: string;
  readonly traceback?: string;
  readonly crash?: string;
}

export interface WireAttempt {
  readonly run_id: string;
  readonly attempt: number;
  readonly status: State;
  readonly failure: WireFailure | null;
  readonly wake_at: string | null;
  readonly created_at: string;
  readonly started_at: string | null;
  readonly finished_at: string | null;
}

export interface WireRun extends WireAttempt {
  readonly task_id: string;
  readonly workflow_name: string;
  readonly attempts: number;
  readonly max_attempts: number;
  readonly queue: string;
  readonly updated_at: string;
  readonly cause: { readonly kind: string; readonly ref?: string };
  readonly parent_task_id: string | null;
  readonly idempotency_key: string | null;
  readonly generation: string | null;
  readonly pinned_generation: string | null;
}

export interface WireCheckpoint {
  readonly name: string;
  readonly kind: string;
  readonly seq: number;
  readonly duration_ms: number;
  readonly position: string | null;
  readonly attempt: number;
  readonly created_at: string;
  readonly origin: "recorded" | "forked" | "edited";
}

export interface WireWait {
  readonly step: string;
  readonly kind: string;
  readonly target: string | null;
  readonly event_type: string | null;
  readonly correlation_id: string | null;
  readonly deadline_at: string | null;
}

export interface WireLog {
  readonly id: number;
  readonly run_id: string;
  readonly at: string;
  readonly level: string;
  readonly source: string;
  readonly message: string;
}

/** A value as parsed fields and as the text it came in. */
export interface Wire<T> {
  readonly value: T;
  readonly text: JsonText;
  /** The members' texts, for the values a run carries. */
  readonly raw: ReadonlyMap<string, JsonText>;
}

export function wire<T>(text: JsonText): Wire<T> {
  return { value: JSON.parse(text) as T, text, raw: sliceMembers(text) };
}

/** The members of an answer as the server wrote them. */
export async function getMembers(client: Client, path: string): Promise<Map<string, JsonText>> {
  return sliceMembers(await (await client.open(path)).text());
}

export async function getRun(client: Client, id: string): Promise<Wire<WireRun>> {
  return wire((await getMembers(client, runPath(id))).get("run")!);
}

export function runPath(id: string, part?: string): string {
  return `/api/workflows/runs/${encodeURIComponent(id)}${part ? `/${part}` : ""}`;
}

/** The handler's value: it stands in the result beside what the engine says of the run. */
export function outputOf(run: Wire<WireRun>): JsonText | null {
  const result = run.raw.get("result");
  return result && result !== "null" ? (sliceMembers(result).get("output") ?? null) : null;
}

/** Fields of a document that is made of plain values and of texts that are JSON already. */
export function document(plain: Readonly<Record<string, unknown>>, raw: Readonly<Record<string, JsonText>>): string {
  const members = [
    ...Object.entries(plain).map(([name, value]) => [name, JSON.stringify(value ?? null)]),
    ...Object.entries(raw),
  ];
  return `{${members.map(([name, text]) => `${JSON.stringify(name)}:${text}`).join(",")}}`;
}
