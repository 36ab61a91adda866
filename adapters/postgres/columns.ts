// What a read selects: absurd's tables of all queues as one, joined with Chiron's own. The queues are known when a store is opened, so
// the statements are written out once and no view stands in the way of other programs' changes to those tables.
import pg from "pg";

const TASKS = `task_id, params, state, attempts, max_attempts, last_attempt_run, idempotency_key, first_started_at, cancelled_at,
  completed_payload`;
const RUNS = `run_id, task_id, attempt, state, failure_reason, available_at, started_at, completed_at, failed_at, created_at`;
const CHECKPOINTS = "task_id, checkpoint_name, state, status, owner_run_id, updated_at";

export interface Relations {
  readonly tasks: string;
  readonly runs: string;
  readonly checkpoints: string;
}

/** Each a parenthesised query, to stand in a FROM. */
export function relationsOf(queues: readonly string[]): Relations {
  const union = (prefix: string, columns: string): string =>
    `(${queues.map((queue) => `select ${columns} from absurd.${pg.escapeIdentifier(prefix + queue)}`).join(" union all ")})`;
  return { tasks: union("t_", TASKS), runs: union("r_", RUNS), checkpoints: union("c_", CHECKPOINTS) };
}

/** Of k (chiron.tasks), t (its task) and the alias of its newest run. */
export const taskColumns = (n: "n" | "r"): string => `k.task_id, k.queue, k.workflow_name, t.state as task_state,
  k.input, case when k.input is null then (t.params -> 'input')::text end as input_printed,
  k.output, case when k.output is null and t.state = 'completed' then (t.completed_payload -> 'output')::text end as output_printed,
  t.attempts, t.max_attempts, t.last_attempt_run as last_run_id, t.idempotency_key, k.cause_kind, k.cause_ref, k.parent_task_id,
  k.harness_type, k.pinned as task_pinned, chiron.ms(k.created_at) as task_created_at, chiron.ms(k.updated_at) as task_updated_at,
  chiron.ms(t.first_started_at) as task_started_at,
  chiron.ms(case t.state when 'completed' then ${n}.completed_at when 'failed' then ${n}.failed_at when 'cancelled' then t.cancelled_at end)
    as task_finished_at`;

/** Of r (the run), x (what chiron.runs adds to it), t and k (its task). */
export const RUN_COLUMNS = `r.run_id, r.task_id as run_task_id, r.attempt, r.state, coalesce(x.failure, r.failure_reason::text) as failure,
  chiron.ms(r.available_at) as available_at,
  chiron.ms(case when r.started_at is null then null when r.attempt = 1 then t.first_started_at
            else coalesce(x.started_at, r.started_at) end) as started_at,
  chiron.ms(coalesce(r.completed_at, r.failed_at, case r.state when 'cancelled' then t.cancelled_at end)) as finished_at,
  chiron.ms(r.created_at) as created_at, coalesce(case when r.attempt = 1 then k.generation end, x.generation) as generation`;
