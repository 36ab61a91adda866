// What came of a scenario, read through the API as a person would: runs with their steps, results, log lines and what they reached outside.
import type { Api, Json } from "./api.ts";

export interface Effect {
  readonly kind: string;
  readonly call: string;
  readonly target: string | null;
  readonly nature: string;
  readonly state: string;
  readonly error: string | null;
  readonly key: string | null;
  readonly request: unknown;
  readonly answer: unknown;
  /** How often it was asked for under its key: the receiver takes it once. */
  readonly times: number;
  /** Of a Slack message: where it went and what it says; of an agent's turn: what it was asked. */
  readonly channel?: unknown;
  readonly text?: unknown;
}

export interface ObservedRun {
  /** The task's id. */
  readonly id: string;
  readonly runId: string;
  readonly workflow: string;
  readonly status: string;
  readonly result: unknown;
  readonly input: unknown;
  readonly failure: unknown;
  readonly steps: readonly string[];
  readonly results: Json;
  readonly attempts: number;
  readonly sleeps: readonly string[];
  readonly waits: Json;
  readonly outbox: readonly Effect[];
  readonly logs: readonly Json[];
  readonly duration: number | null;
  readonly children: readonly ObservedRun[];
  readonly finishedAtMs: number | null;
}

export interface Observed {
  /** Those that no other run started, in the order in which they began. */
  readonly runs: readonly ObservedRun[];
  readonly all: readonly ObservedRun[];
  readonly outbox: readonly Effect[];
}

const PAGE = 200;
const FINAL = new Set(["completed", "failed", "cancelled"]);

/** Everything in the store. */
export async function observeAll(api: Api): Promise<Observed> {
  const found: Json[] = [];
  let cursor = "";
  do {
    const page = await api.get(`/api/workflows/runs?limit=${PAGE}${cursor}`);
    found.push(...(page["runs"] as Json[]));
    cursor = typeof page["next_cursor"] === "string" ? `&cursor=${page["next_cursor"]}` : "";
  } while (cursor !== "");
  return observed(api, found.toReversed());
}

/** These tasks and what they started, on a server that others use too. */
export async function observeThese(api: Api, ids: readonly string[]): Promise<Observed> {
  const found: Json[] = [];
  const open = [...new Set(ids)];
  for (let id = open.shift(); id !== undefined; id = open.shift()) {
    found.push((await api.get(`/api/workflows/runs/${id}`))["run"] as Json);
    const { children } = await api.get(`/api/workflows/runs/${id}/children?limit=1000`);
    open.push(...(children as Json[]).map((one) => String(one["task_id"])).toReversed());
  }
  return observed(api, found);
}

/** Whether every one of these runs has ended. */
export function areFinal({ all }: Observed): boolean {
  return all.every(({ status }) => FINAL.has(status));
}

async function observed(api: Api, found: readonly Json[]): Promise<Observed> {
  const all: ObservedRun[] = [];
  const childrenOf = new Map<string, ObservedRun[]>();
  for (const one of found) childrenOf.set(String(one["task_id"]), []);
  for (const one of found) {
    const children = childrenOf.get(String(one["task_id"]))!;
    const run = await observeRun(api, one, children);
    all.push(run);
    const parent = one["parent_task_id"];
    if (typeof parent === "string") childrenOf.get(parent)?.push(run);
  }
  const isChild = new Set(found.filter((one) => one["parent_task_id"] !== null).map((one) => one["task_id"]));
  return { all, runs: all.filter(({ id }) => !isChild.has(id)), outbox: all.flatMap((run) => run.outbox) };
}

async function observeRun(api: Api, run: Json, children: readonly ObservedRun[]): Promise<ObservedRun> {
  const id = String(run["task_id"]);
  const path = `/api/workflows/runs/${id}`;
  const { checkpoints } = (await api.get(`${path}/checkpoints`)) as { readonly checkpoints: Json[] };
  const { logs } = (await api.get(`${path}/logs?limit=1000`)) as { readonly logs: Json[] };
  const { effects } = (await api.get(`${path}/effects?limit=200`)) as { readonly effects: Json[] };
  const named = (...kinds: string[]): Json[] => checkpoints.filter(({ kind }) => kinds.includes(String(kind)));
  const finishedAtMs = typeof run["finished_at"] === "string" ? Date.parse(run["finished_at"]) : null;
  const result = run["result"] as Json | null;
  const failure = run["failure"] as Json | null;
  return {
    id,
    runId: String(run["run_id"]),
    workflow: String(run["workflow_name"]),
    status: String(run["status"]),
    result: result === null ? null : result["output"],
    input: run["input"],
    failure,
    steps: named("step").map((one) => String(one["name"])),
    results: Object.fromEntries(named("step").map((one) => [String(one["name"]), one["value"]])),
    attempts: Number(run["attempts"]),
    sleeps: named("sleep").map((one) => String(one["name"])),
    waits: Object.fromEntries(named("event", "task", "timeout").map((one) => [String(one["name"]), one["kind"]])),
    outbox: onceEach(effects.toReversed().map(effectOf)),
    logs: logs.map(({ level, source, message, fields }) => ({ level, source, message, fields })),
    duration: finishedAtMs === null ? null : finishedAtMs - Date.parse(String(run["created_at"])),
    finishedAtMs: FINAL.has(String(run["status"])) ? finishedAtMs : null,
    children,
  };
}

/** One for each key: where it was first asked for, as it was last answered. */
function onceEach(effects: readonly Effect[]): Effect[] {
  const kept = new Map<string, Effect>();
  for (const [at, effect] of effects.entries()) {
    const key = effect.key ?? `call ${at}`;
    kept.set(key, { ...effect, times: (kept.get(key)?.times ?? 0) + 1 });
  }
  return [...kept.values()];
}

function effectOf(wire: Json): Effect {
  const { kind, call, target, nature, state, error, key, request, answer } = wire as unknown as Effect;
  const sent = (typeof request === "object" && request !== null ? request : {}) as Json;
  const message = (typeof sent["message"] === "object" && sent["message"] !== null ? sent["message"] : sent) as Json;
  const text = message["text"] ?? sent["prompt"];
  return {
    kind,
    call,
    target,
    nature,
    state,
    error,
    key,
    request,
    answer,
    times: 1,
    ...(kind === "slack" ? { channel: message["channel"] ?? target } : {}),
    ...(text === undefined ? {} : { text }),
  };
}
