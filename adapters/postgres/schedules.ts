// Schedules that any number of processes share. Everything is by the database's clock; what moves them is in 0012_schedules.sql.
import type { TaskId, RunId } from "../../src/core/ids.ts";
import type {
  Accounted,
  Accounting,
  NewOccurrence,
  ScheduleChanged,
  ScheduleDeclaration,
  ScheduleStore,
  StoredSchedule,
} from "../../src/ports/store-schedules.ts";
import { packText, packTextOrNull } from "./codec.ts";
import { OCCURRENCE_COLUMNS, packDeclaration, SCHEDULE_COLUMNS } from "./schedule-codec.ts";
import { checkQueue, createMethod, type Session } from "./session.ts";
import { packTask, queueMark } from "./tasks.ts";
import { type OccurrenceDbRow, occurrenceOf, type ScheduleDbRow, scheduleOf } from "../rows/schedules.ts";

// The time always comes, with or without schedules.
const seen = (
  which: string,
  limit = "",
): string => `select chiron.ms(n.at) as now, x.* from (select absurd.current_time() as at) n
  left join lateral (
    select ${SCHEDULE_COLUMNS},
      (select count(*)::integer from chiron.occurrences o where o.schedule_id = s.schedule_id and o.outcome = 'held') as held,
      (select count(*)::integer from chiron.occurrences o join chiron.tasks k on k.task_id = o.task_id
       where o.schedule_id = s.schedule_id and o.tracked and k.ended is null) as running,
      (select to_json(l) from (select ${OCCURRENCE_COLUMNS} from chiron.occurrences o where o.schedule_id = s.schedule_id
       order by o.seq desc limit 1) l) as last,
      (select chiron.ms(min(d.due_at)) from chiron.schedules d
       where d.state = 'active' and d.paused_at is null and d.due_at > n.at) as next_due
    from chiron.schedules s ${which} ${limit}) x on true`;
const LIST = `${seen("order by s.schedule_id")}`;
const ONE = seen("where s.schedule_id = $1");
const DUE = seen(
  `where s.state = 'active' and s.paused_at is null and (s.due_at <= n.at
     or exists (select 1 from chiron.occurrences o where o.schedule_id = s.schedule_id and o.outcome = 'held'))
   order by s.due_at`,
  "limit $1",
);
const NEXT_DUE = `select chiron.ms(min(due_at)) as at from chiron.schedules
  where state = 'active' and paused_at is null and due_at > absurd.current_time()`;
const DECLARE = "select * from chiron.declare_schedules($1::json)";
const ACCOUNT = "select * from chiron.account_schedules($1::json, $2)";
const ANNOUNCE = "select chiron.announce_schedules($1, $2) as answer";
const FORGET = "select chiron.forget_occurrences($1, $2) as count";
const recordsSql = (ascending: boolean): string => `select ${OCCURRENCE_COLUMNS} from chiron.occurrences o
  where o.schedule_id = $1 and ($2::bigint is null or o.seq < $2) and ($3::text is null or o.outcome = $3)
    and ($4::text[] is null or o.fire_key = any ($4))
  order by o.seq ${ascending ? "" : "desc"} limit $5`;

type FullRow = ScheduleDbRow & {
  readonly now: number;
  readonly held: number;
  readonly running: number;
  readonly last: OccurrenceDbRow | null;
  readonly next_due: number | null;
};
type TimeRow = FullRow | ({ readonly now: number } & { readonly schedule_id: null });

const stored = (row: FullRow): StoredSchedule => ({
  ...scheduleOf(row),
  held: row.held,
  running: row.running,
  last: row.last && occurrenceOf(row.last),
});
const isSchedule = (row: TimeRow): row is FullRow => row.schedule_id !== null;

export function createSchedules(session: Session): ScheduleStore {
  const { sender } = session;
  // Sent like a change, because what it finds depends on the time of the store.
  const ask = <Row extends object>(sql: string, values: readonly unknown[]): Promise<Row[]> =>
    sender.commit<Row>(sql, () => values, true);
  const look = async (sql: string, values: readonly unknown[]) => {
    const rows = await ask<TimeRow>(sql, values);
    const found = rows.filter(isSchedule);
    return { now: rows[0]!.now, rows: found, schedules: found.map(stored) };
  };
  const declare = createMethod<ScheduleDeclaration, { n: number; done: boolean }, ScheduleChanged>(session, {
    sql: DECLARE,
    // A second sending finds the version gone, as if somebody else had been first: whoever asked looks again.
    resend: true,
    values: (members) => [members],
    pack: packDeclaration,
    answer: ([row]) => (row!.done ? { ok: true } : { ok: false, reason: "changed" }),
  });
  const account = createAccount(session);
  /** What this process declared last. */
  let announced: string | null = null;
  return {
    async list() {
      const { now, schedules } = await look(LIST, []);
      return { now, schedules };
    },
    async find(scheduleId) {
      const { now, schedules } = await look(ONE, [packText(scheduleId)]);
      return { now, schedule: schedules[0] ?? null };
    },
    async due(limit) {
      const { now, rows, schedules } = await look(DUE, [limit]);
      const first = rows[0];
      const nextDueAt = first ? first.next_due : (await ask<{ at: number | null }>(NEXT_DUE, []))[0]!.at;
      return { now, schedules, nextDueAt };
    },
    declare: (declarations) => declare(declarations, { keys: keysOf(declarations) }),
    account,
    async occurrences({ scheduleId, outcome, fireKeys, before, ascending = false, limit }) {
      const keys = fireKeys?.map(packText) ?? null;
      const values = [packText(scheduleId), before ?? null, outcome ?? null, keys, limit];
      return (await sender.read<OccurrenceDbRow>(recordsSql(ascending), values)).map(occurrenceOf);
    },
    async announce(digest) {
      const changed = announced !== null && announced !== digest;
      const [row] = await ask<{ answer: boolean }>(ANNOUNCE, [digest, changed]);
      announced = digest;
      return row!.answer;
    },
    forget: async (beforeMs, limit) => (await ask<{ count: number }>(FORGET, [beforeMs, limit]))[0]!.count,
  };
}

const keysOf = (changes: readonly { readonly scheduleId: string }[]): string[] => [
  ...new Set(changes.map(({ scheduleId }) => `schedule:${scheduleId}`)),
];

interface AccountedRow {
  readonly n: number;
  readonly done: boolean;
  readonly started: readonly (readonly [taskId: TaskId, runId: RunId, attempt: number, created: boolean])[];
}

function createAccount(session: Session): ScheduleStore["account"] {
  const account = createMethod<Accounting, AccountedRow, Accounted>(session, {
    sql: ACCOUNT,
    resend: true,
    values: (members, _, ticket) => [members, ticket],
    pack: ({ scheduleId, version, accountedTo, nextAt, dueAt, records }) => ({
      id: packText(scheduleId),
      version,
      accounted_to: accountedTo,
      next_at: nextAt,
      due_at: dueAt,
      records: records.map(packRecord),
    }),
    answer: ([row]) =>
      row!.done
        ? {
            ok: true,
            started: row!.started.map(([taskId, runId, attempt, created]) => ({ taskId, runId, attempt, created })),
          }
        : { ok: false, reason: "changed" },
  });
  return async (accountings) => {
    const queues = new Set(accountings.flatMap(({ records }) => records.flatMap(({ task }) => task?.queue ?? [])));
    for (const queue of queues) checkQueue(session, queue);
    return account(accountings, { keys: keysOf(accountings), marks: [...queues].map(queueMark) });
  };
}

function packRecord({ at, to, count, source, outcome, reason, fireKey, tracked, task }: NewOccurrence): object {
  return {
    at,
    to,
    number: count,
    source,
    outcome,
    reason,
    key: packTextOrNull(fireKey),
    tracked,
    task: task && { n: 0, queue: task.queue, ...packTask(task) },
  };
}
