// The outbox. Calls about one effect keep their order; an attempt at a call comes after the earlier attempts' beginnings.
import { firstIdAt } from "../../src/core/ids.ts";
import type { JsonText } from "../../src/core/json-text.ts";
import {
  LISTED_VALUE,
  NO_END_RECORDED,
  type Effect,
  type EffectEnd,
  type EffectFilter,
  type EffectStore,
  type NewEffect,
} from "../../src/ports/store-effects.ts";
import { packJson, packText, packTextOrNull } from "./codec.ts";
import { idOrNone, type Session } from "./session.ts";
import { effectOf, type EffectRow } from "../rows/effects.ts";

const WIDTH = 500;
const IN_FLIGHT = 2;

const PLAIN = `id, task_id, run_id, workflow_name, kind, call_type, target, ordinal, key, nature, answered_by, state,
  chiron.ms(started_at) as started_at, chiron.ms(finished_at) as finished_at, error`;
export const EFFECT_COLUMNS = `${PLAIN}, progress, request, answer`;
const FIELDS = `x(id uuid, task uuid, run uuid, workflow text, kind text, type text, target text, ordinal text, key text, nature text,
  answered_by text, state text, started double precision, finished double precision, error text, progress text, request text, answer text)`;
/** $1 the effects as one JSON array. */
export const INSERT_EFFECTS = `insert into chiron.effects (id, task_id, run_id, workflow_name, kind, call_type, target, ordinal, key, nature,
    answered_by, state, started_at, finished_at, error, progress, request, answer)
  select id, task, run, workflow, kind, type, target, ordinal, key, nature, answered_by, state, chiron.at(started), chiron.at(finished),
    error, progress, request, answer from json_to_recordset($1::json) as ${FIELDS} on conflict (id) do nothing`;
const BEGIN = `with overtaken as (
    update chiron.effects e set state = 'failed', finished_at = chiron.at(x.started), error = $2
    from json_to_recordset($1::json) as ${FIELDS}
    where e.task_id = x.task and e.call_type = x.type and e.ordinal = x.ordinal and e.state = 'started' and e.id <> x.id
  ) ${INSERT_EFFECTS}`;
const ABANDON = `update chiron.effects set state = 'failed', finished_at = chiron.at($1), error = $2 where state = 'started' returning 1`;
const NOTE = `update chiron.effects e set progress = x.progress from json_to_recordset($1::json) as x(id uuid, progress text)
  where e.id = x.id and e.state = 'started'`;
const FINISH = `update chiron.effects e set state = x.state, finished_at = chiron.at(x.finished), error = x.error, answer = x.answer,
    progress = x.progress
  from json_to_recordset($1::json) as x(id uuid, state text, finished double precision, error text, answer text, progress text)
  where e.id = x.id`;
const GET = `select ${EFFECT_COLUMNS} from chiron.effects where id = $1`;
const LIST = (where: string): string => `select ${PLAIN}, null as progress,
    case when length(request) <= ${LISTED_VALUE} then request end as request, length(request) as request_size,
    case when length(answer) <= ${LISTED_VALUE} then answer end as answer, length(answer) as answer_size
  from chiron.effects where ${where} order by id desc limit $1`;
const PRUNE = `delete from chiron.effects where id in (select id from chiron.effects
  where id <= (select id from chiron.effects order by id desc limit 1 offset $1) or id < $2 order by id limit $3)
  returning 1`;

type Note = Parameters<EffectStore["note"]>[0][number];

export function createEffectStore({ sender, gatherer }: Session): EffectStore {
  const lane = <M>(sql: string, pack: (member: M) => object, ...more: readonly unknown[]) =>
    gatherer.lane<M, null>({
      width: WIDTH,
      inFlight: IN_FLIGHT,
      async send(members) {
        await sender.commit(sql, () => [JSON.stringify(members.map(pack)), ...more], true);
        return members.map(() => null);
      },
    });
  const begin = lane<NewEffect>(BEGIN, (effect) => packEffect({ ...effect, ...OPEN }), NO_END_RECORDED);
  const note = lane<Note>(NOTE, ({ id, progress }) => ({ id: idOrNone(id), progress: packJson(progress) }));
  const finish = lane<EffectEnd>(FINISH, packEnd);
  const keys = (members: readonly { readonly id: string }[]): string[] => members.map(({ id }) => `effect:${id}`);
  return {
    // A task's attempts at one call are made one after the other; its own key keeps their statements so.
    begin: async (effects) =>
      void (await begin(effects, {
        keys: [...keys(effects), ...new Set(effects.map(({ taskId }) => `effects:${taskId}`))],
      })),
    note: async (notes) => void (await note(notes, { keys: keys(notes) })),
    finish: async (ends) => void (await finish(ends, { keys: keys(ends) })),
    abandon: async (nowMs) => (await sender.commit(ABANDON, () => [nowMs, NO_END_RECORDED], true)).length,
    async get(id) {
      const [row] = await sender.read<EffectRow>(GET, [idOrNone(id)]);
      return row ? effectOf(row) : null;
    },
    async list(filter) {
      const { where, values } = conditions(filter);
      return (await sender.read<EffectRow>(LIST(where), [filter.limit, ...values])).map(effectOf);
    },
    prune: async ({ beforeMs, keep, limit }) =>
      (await sender.commit(PRUNE, () => [keep, firstIdAt(beforeMs), limit], true)).length,
  };
}

/** Only what is asked for, so that each question has its own plan. $1 is the limit. */
function conditions({ before, taskId, runId, kind, nature, state }: EffectFilter): {
  where: string;
  values: unknown[];
} {
  const id = (text: string | undefined): string | undefined => (text === undefined ? undefined : idOrNone(text));
  const wanted = {
    "id <": id(before),
    "task_id =": id(taskId),
    "run_id =": id(runId),
    "kind =": kind,
    "nature =": nature,
    "state =": state,
  };
  const given = Object.entries(wanted).filter(([, value]) => value !== undefined);
  return {
    where: ["true", ...given.map(([column], at) => `${column} $${at + 2}`)].join(" and "),
    values: given.map(([, value]) => value),
  };
}

const OPEN = { state: "started", finishedAt: null, answer: null, error: null, progress: null } as const;

const jsonOrNull = (text: JsonText | null): string | null => (text === null ? null : packJson(text));

function packEnd({ id, state, finishedAt, answer, error, progress }: EffectEnd): object {
  return {
    id: idOrNone(id),
    state,
    finished: finishedAt,
    error: packTextOrNull(error),
    answer: jsonOrNull(answer),
    progress: jsonOrNull(progress),
  };
}

/** As INSERT_EFFECTS takes it. */
export function packEffect(effect: Effect): object {
  return {
    id: effect.id,
    task: effect.taskId,
    run: effect.runId,
    workflow: packText(effect.workflowName),
    kind: effect.kind,
    type: packText(effect.callType),
    target: packTextOrNull(effect.target),
    ordinal: packText(effect.ordinal),
    key: packTextOrNull(effect.key),
    nature: effect.nature,
    answered_by: packText(effect.by),
    state: effect.state,
    started: effect.startedAt,
    finished: effect.finishedAt,
    error: packTextOrNull(effect.error),
    progress: jsonOrNull(effect.progress),
    request: jsonOrNull(effect.request),
    answer: jsonOrNull(effect.answer),
  };
}
