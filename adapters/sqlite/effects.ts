// The outbox. An effect is begun and ended in transactions that it shares with whatever else commits then.
import { firstIdAt } from "../../src/core/ids.ts";
import type { JsonText } from "../../src/core/json-text.ts";
import { LISTED_VALUE, NO_END_RECORDED, type Effect, type EffectStore } from "../../src/ports/store-effects.ts";
import { packJson, packText, packTextOrNull } from "./codec.ts";
import { prepareQuery } from "./query.ts";
import { each, read, type Session } from "./session.ts";
import { effectOf, type EffectRow } from "../rows/effects.ts";

const PLAIN = `id, task_id, run_id, workflow_name, kind, call_type, target, ordinal, key, nature, answered_by, state, started_at,
  finished_at, error`;
export const EFFECT_COLUMNS = `${PLAIN}, progress, request, answer`;
const OVERTAKE = `UPDATE effects SET state = 'failed', finished_at = ?, error = ?
  WHERE task_id = ? AND call_type = ? AND ordinal = ? AND state = 'started'`;
export const INSERT_EFFECT = `INSERT INTO effects (${EFFECT_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`;
const ABANDON = "UPDATE effects SET state = 'failed', finished_at = ?, error = ? WHERE state = 'started'";
const NOTE = "UPDATE effects SET progress = ? WHERE id = ? AND state = 'started'";
const FINISH = "UPDATE effects SET state = ?, finished_at = ?, answer = ?, error = ?, progress = ? WHERE id = ?";
const GET = `SELECT ${EFFECT_COLUMNS} FROM effects WHERE id = ?`;
const LIST = (where: string): string => `SELECT ${PLAIN}, NULL AS progress,
    CASE WHEN length(request) <= ${LISTED_VALUE} THEN request END AS request, length(request) AS request_size,
    CASE WHEN length(answer) <= ${LISTED_VALUE} THEN answer END AS answer, length(answer) AS answer_size
  FROM effects WHERE ${where} ORDER BY id DESC LIMIT ?`;
const PRUNE = `DELETE FROM effects WHERE id IN (SELECT id FROM effects
  WHERE id <= (SELECT id FROM effects ORDER BY id DESC LIMIT 1 OFFSET ?) OR id < ? ORDER BY id LIMIT ?)`;

export function createEffectStore(session: Session): EffectStore {
  const { db } = session;
  const overtake = db.prepare(OVERTAKE);
  const insert = db.prepare<unknown[]>(INSERT_EFFECT);
  const abandon = db.prepare(ABANDON);
  const note = db.prepare(NOTE);
  const finish = db.prepare(FINISH);
  const get = prepareQuery<[string], EffectRow>(db, GET);
  const prune = db.prepare(PRUNE);
  return {
    begin: async (effects) =>
      void (await each(session, effects, (effect) => {
        const { startedAt, taskId, callType, ordinal } = effect;
        overtake.run(startedAt, NO_END_RECORDED, taskId, packText(callType), packText(ordinal));
        insert.run(...effectValues({ ...effect, ...OPEN }));
      })),
    note: async (notes) =>
      void (await each(session, notes, ({ id, progress }) => note.run(packJson(progress), id).changes)),
    finish: async (ends) =>
      void (await each(session, ends, ({ id, state, finishedAt, answer, error, progress }) =>
        finish.run(state, finishedAt, jsonOrNull(answer), packTextOrNull(error), jsonOrNull(progress), id),
      )),
    abandon: (nowMs) => session.commits.add(() => abandon.run(nowMs, NO_END_RECORDED).changes),
    get: (id) =>
      read(session, () => {
        const row = get.get(id.toLowerCase());
        return row ? effectOf(row) : null;
      }),
    list: (filter) =>
      read(session, () => {
        const { where, values } = conditions(filter);
        return db
          .prepare<unknown[], EffectRow>(LIST(where))
          .all(...values, filter.limit)
          .map(effectOf);
      }),
    prune: ({ beforeMs, keep, limit }) =>
      session.commits.add(() => prune.run(keep, firstIdAt(beforeMs), limit).changes),
  };
}

const OPEN = { state: "started", finishedAt: null, answer: null, error: null, progress: null } as const;

type Conditions = Omit<Parameters<EffectStore["list"]>[0], "limit">;

function conditions({ before, taskId, runId, kind, nature, state }: Conditions): { where: string; values: unknown[] } {
  const wanted = {
    "id <": before,
    "task_id =": taskId,
    "run_id =": runId,
    "kind =": kind,
    "nature =": nature,
    "state =": state,
  };
  const given = Object.entries(wanted).filter(([, value]) => value !== undefined);
  return {
    where: ["1", ...given.map(([column]) => `${column} ?`)].join(" AND "),
    values: given.map(([, value]) => value),
  };
}

const jsonOrNull = (text: JsonText | null): string | null => (text === null ? null : packJson(text));

/** In the order of EFFECT_COLUMNS. */
export function effectValues(effect: Effect): unknown[] {
  return [
    effect.id,
    effect.taskId,
    effect.runId,
    packText(effect.workflowName),
    effect.kind,
    packText(effect.callType),
    packTextOrNull(effect.target),
    packText(effect.ordinal),
    packTextOrNull(effect.key),
    effect.nature,
    packText(effect.by),
    effect.state,
    effect.startedAt,
    effect.finishedAt,
    packTextOrNull(effect.error),
    jsonOrNull(effect.progress),
    jsonOrNull(effect.request),
    jsonOrNull(effect.answer),
  ];
}
