// Rows of the outbox as core types. Both stores select them under the same names.
import { omittedValue } from "../../src/core/effect-values.ts";
import type { RunId, TaskId } from "../../src/core/ids.ts";
import type { JsonText } from "../../src/core/json-text.ts";
import type { EffectNature } from "../../src/ports/effects.ts";
import type { Effect, EffectKind, EffectState } from "../../src/ports/store-effects.ts";
import { unpackText, unpackTextOrNull } from "./stored-text.ts";

export interface EffectRow {
  readonly id: string;
  readonly task_id: TaskId;
  readonly run_id: RunId;
  readonly workflow_name: string;
  readonly kind: EffectKind;
  readonly call_type: string;
  readonly target: string | null;
  readonly ordinal: string;
  readonly key: string | null;
  readonly nature: EffectNature;
  readonly answered_by: string;
  readonly state: EffectState;
  readonly started_at: number;
  readonly finished_at: number | null;
  readonly error: string | null;
  readonly progress: JsonText | null;
  readonly request: JsonText | null;
  readonly answer: JsonText | null;
  /** Of a value that a list left out. */
  readonly request_size?: number | null;
  readonly answer_size?: number | null;
}

export function effectOf(row: EffectRow): Effect {
  const value = (text: JsonText | null, size: number | null | undefined): JsonText | null =>
    text === null && typeof size === "number" ? omittedValue(size) : text;
  return {
    id: row.id,
    taskId: row.task_id,
    runId: row.run_id,
    workflowName: unpackText(row.workflow_name),
    kind: row.kind,
    callType: unpackText(row.call_type),
    target: unpackTextOrNull(row.target),
    ordinal: unpackText(row.ordinal),
    key: unpackTextOrNull(row.key),
    nature: row.nature,
    by: unpackText(row.answered_by),
    state: row.state,
    startedAt: row.started_at,
    finishedAt: row.finished_at,
    error: unpackTextOrNull(row.error),
    progress: row.progress,
    request: value(row.request, row.request_size),
    answer: value(row.answer, row.answer_size),
  };
}
