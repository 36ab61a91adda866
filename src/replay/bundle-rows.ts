// What a row of each part must be. Whoever wrote the file is not believed: ids are ids, JSON is JSON and not too deep, times are times.
import { z } from "zod";
import { jsonDepth, type JsonText } from "../core/json-text.ts";
import { STATES } from "../core/states.ts";
import { EFFECT_KINDS, EFFECT_STATES } from "../ports/store-effects.ts";
import { DELIVERY_OUTCOMES } from "../ports/store-deliveries.ts";
import type { PartName } from "./bundle.ts";

/** As deep as the API takes it. */
const DEEPEST = 512;
/** Of a column. */
const LARGEST_INTEGER = 2 ** 31 - 1;
const id = z.uuid().transform((text) => text.toLowerCase());
const name = z.string().max(4_096);
const optionalName = name.nullable();
const text = z.string();
const time = z.int().min(0).max(8.64e15);
const number = z.int().min(1).max(1_000_000);
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const base64 = z.string().regex(/^[A-Za-z0-9+/]*={0,2}$/);
const json = z.string().refine(isJson, "is not JSON, or too deep");

function isJson(value: string): value is JsonText {
  if (jsonDepth(value) > DEEPEST) return false;
  try {
    JSON.parse(value);
    return true;
  } catch {
    return false;
  }
}

const failure = z.object({
  name,
  message: text,
  traceback: text.optional(),
  crash: z.string().max(100).optional(),
});

/** A place in somebody's file system: told, never written to. */
const place = z
  .string()
  .max(4_096)
  .refine((path) => !path.includes("\0") && !path.split(/[\\/]/).includes(".."), "is not a plain path");

const task = z.object({
  taskId: id,
  queue: name,
  workflowName: name,
  state: z.enum(STATES),
  input: json,
  output: json.nullable(),
  attempts: number,
  maxAttempts: z.int().min(1).max(LARGEST_INTEGER),
  lastRunId: id,
  idempotencyKey: optionalName,
  cause: z.object({ kind: z.string().max(40), ref: name.optional() }),
  parentTaskId: id.nullable(),
  harnessType: optionalName,
  createdAt: time,
  updatedAt: time,
  startedAt: time.nullable(),
  finishedAt: time.nullable(),
  pinnedGeneration: optionalName,
});

const run = z.object({
  runId: id,
  taskId: id,
  attempt: number,
  state: z.enum(STATES),
  failure: failure.nullable(),
  availableAt: time.nullable(),
  startedAt: time.nullable(),
  finishedAt: time.nullable(),
  createdAt: time,
  generation: optionalName,
});

const checkpoint = z.object({
  name,
  kind: z.enum(["step", "sleep", "event", "task", "timeout"]),
  value: json,
  seq: number,
  ownerRunId: id,
  attempt: number,
  createdAt: time,
  durationMs: z.number().min(0),
  position: optionalName,
});

const wait = z.object({
  step: name,
  kind: z.enum(["sleep", "event", "task"]),
  target: optionalName,
  deadlineAt: time.nullable(),
  createdAt: time,
});

const log = z.object({
  taskId: id,
  runId: id,
  at: time,
  level: z.enum(["debug", "info", "warn", "error"]),
  source: z.enum(["log", "stdout", "stderr", "chiron"]),
  message: text,
  fields: json.nullable(),
});

const effect = z.object({
  id,
  taskId: id,
  runId: id,
  workflowName: name,
  kind: z.enum(EFFECT_KINDS),
  callType: name,
  target: optionalName,
  ordinal: name,
  key: optionalName,
  nature: z.enum(["real", "stubbed", "recorded"]),
  by: name,
  startedAt: time,
  request: json.nullable(),
  state: z.enum(EFFECT_STATES),
  finishedAt: time.nullable(),
  answer: json.nullable(),
  error: text.nullable(),
  progress: json.nullable(),
});

const delivery = z.object({
  id,
  slug: name,
  workflowName: name,
  receivedAt: time,
  method: z.string().max(20),
  url: z.string().max(16_384),
  headers: json,
  bodySha256: sha256,
  bodySize: z.int().min(0).max(LARGEST_INTEGER),
  sourceIp: z.string().max(100).nullable(),
  outcome: z.enum(DELIVERY_OUTCOMES),
  checks: json,
  key: optionalName,
  taskId: id.nullable(),
  created: z.boolean(),
  sameBody: z.boolean(),
  body: base64,
});

const generation = z.object({
  id: name,
  dirs: z.array(place).max(1_000),
  files: z.record(place, sha256),
  workflows: z.record(z.string(), place),
  chironVersion: z.string().max(100),
  pythonVersion: z.string().max(100),
  firstServedAt: time,
  lastServedAt: time,
});

/** By part. Members that are not named here are left out. */
export const ROWS: Readonly<Record<PartName, z.ZodType>> = {
  task,
  runs: run,
  checkpoints: checkpoint,
  waits: wait,
  events: z.object({ name, payload: json, emittedAt: time }),
  logs: log,
  effects: effect,
  deliveries: delivery,
  generations: generation,
  sources: z.object({ sha256, storedAt: time, content: base64 }),
};
