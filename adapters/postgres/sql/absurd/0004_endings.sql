-- How a claimed run leaves the state "running": complete, sleep until a time, fail. Each locks the run, then its task; a run that is
-- not in the right state is refused by name. Only the state is the fence: a lease that has passed but was not yet swept does not refuse
-- its worker.
-- Rows are found by id alone and their state is looked at afterwards, here and in the files after this: with the state in the condition
-- the planner, whose statistics of a queue are always stale, may go through every row of that state instead.
begin;

-- Says why a run was refused: AB001 its task was cancelled, AB002 it has failed already, else a text.
create or replace function chiron.refuse_run(p_queue_name text, p_run_id uuid) returns void
language plpgsql as $$
declare
  run_state text;
begin
  execute format('select state from absurd.%I where run_id = $1', 'r_' || p_queue_name) into run_state using p_run_id;
  if run_state is null then
    raise exception 'run "%" not found in queue "%"', p_run_id, p_queue_name;
  elsif run_state = 'cancelled' then
    raise exception using errcode = 'AB001', message = format('the task of run "%s" has been cancelled', p_run_id);
  elsif run_state = 'failed' then
    raise exception using errcode = 'AB002', message = format('run "%s" has already failed', p_run_id);
  end if;
  raise exception 'run "%" is not currently running, it is %', p_run_id, run_state;
end $$;

create or replace function chiron.make_complete(p_queue_name text) returns void
language sql as $make$
  select chiron.make_queue_function('done:', p_queue_name, '(p_run_id uuid, p_state jsonb) returns void',
    'set enable_seqscan = off', $body$
declare
  run record;
begin
  select r.task_id, r.state into run from {runs} r where r.run_id = p_run_id for update;
  if run.state is distinct from 'running' then
    perform chiron.refuse_run({queue}, p_run_id);
  end if;
  update {runs} r set state = 'completed', completed_at = absurd.current_time(), result = p_state where r.run_id = p_run_id;
  update {tasks} t set state = 'completed', completed_payload = p_state, last_attempt_run = p_run_id where t.task_id = run.task_id;
  delete from {waits} w where w.run_id = p_run_id;
end $body$)
$make$;

create or replace function absurd.complete_run(p_queue_name text, p_run_id uuid, p_state jsonb default null) returns void
language plpgsql as $$
begin
  execute format('select chiron.%I($1, $2)', 'done:' || p_queue_name) using p_run_id, p_state;
end $$;

-- Sleeps: the same run goes on at wake_at, with the same attempt number.
create or replace function absurd.schedule_run(p_queue_name text, p_run_id uuid, p_wake_at timestamptz) returns void
language plpgsql as $$
declare
  run record;
begin
  execute format('select task_id, state from absurd.%I where run_id = $1 for update', 'r_' || p_queue_name) into run using p_run_id;
  if run.state is null then
    raise exception 'run "%" not found in queue "%"', p_run_id, p_queue_name;
  elsif run.state <> 'running' then
    -- A plain error for a cancelled task too: callers of this function know no codes.
    raise exception 'run "%" is not currently running, it is %', p_run_id, run.state;
  end if;
  execute format(
    'with run as (
       update absurd.%I
       set state = ''sleeping'', available_at = $3, claimed_by = null, claim_expires_at = null, wake_event = null
       where run_id = $1
     )
     update absurd.%I set state = ''sleeping'' where task_id = $2', 'r_' || p_queue_name, 't_' || p_queue_name)
    using p_run_id, run.task_id, p_wake_at;
end $$;

-- Ends an attempt whose run the caller has locked, and makes the next one if there is to be one. Then the task is pending (due now) or
-- sleeping; without attempts left it is failed; if the next start would lie beyond max_duration it is cancelled.
create or replace function chiron.fail_attempt(p_queue_name text, p_run_id uuid, p_reason jsonb, p_retry_at timestamptz) returns void
language plpgsql as $$
declare
  now_at timestamptz := absurd.current_time();
  task record;
  next_at timestamptz;
  next_state text;
  next_run uuid;
begin
  execute format(
    'with run as (
       update absurd.%I set state = ''failed'', failed_at = $2, failure_reason = $3, wake_event = null
       where run_id = $1 returning task_id, attempt
     ), waits as (
       delete from absurd.%I w using run where w.run_id = $1
     )
     select task_id, attempt from run', 'r_' || p_queue_name, 'w_' || p_queue_name)
    into task using p_run_id, now_at, p_reason;
  execute format(
    'select task_id, $2 as attempt, state, max_attempts, retry_strategy, cancellation, enqueue_at, first_started_at
     from absurd.%I where task_id = $1 for update', 't_' || p_queue_name)
    into task using task.task_id, task.attempt;
  if task.task_id is null or task.state in ('completed', 'failed', 'cancelled') then
    return;
  end if;
  next_state := 'failed';
  if task.max_attempts is null or task.attempt < task.max_attempts then
    begin
      next_at := coalesce(
        p_retry_at, now_at + make_interval(secs => absurd.retry_delay_seconds(task.retry_strategy, task.attempt)));
      next_state := case when next_at <= now_at then 'pending' else 'sleeping' end;
      if next_at >= chiron.cancel_at(task.cancellation, task.enqueue_at, task.first_started_at) then
        next_state := 'cancelled';
      end if;
    exception when sqlstate 'AB003' then
      -- A strategy that was stored before it was judged: there is no delay to take from it, so the task fails for good.
      next_state := 'failed';
    end;
  end if;
  if next_state in ('pending', 'sleeping') then
    next_run := absurd.portable_uuidv7();
    execute format(
      'insert into absurd.%I (run_id, task_id, attempt, state, available_at, created_at) values ($1, $2, $3, $4, $5, $6)',
      'r_' || p_queue_name)
      using next_run, task.task_id, task.attempt + 1, next_state, next_at, now_at;
  end if;
  execute format(
    'update absurd.%I
     set state = $2, attempts = greatest(attempts, $3), last_attempt_run = coalesce($4, last_attempt_run),
         cancelled_at = case when $2 = ''cancelled'' then $5 else cancelled_at end
     where task_id = $1', 't_' || p_queue_name)
    using task.task_id, next_state, case when next_run is null then task.attempt else task.attempt + 1 end, next_run, now_at;
end $$;

create or replace function absurd.fail_run(
  p_queue_name text,
  p_run_id uuid,
  p_reason jsonb,
  p_retry_at timestamptz default null
) returns void
language plpgsql as $$
declare
  live boolean;
begin
  execute format('select state in (''running'', ''sleeping'') from absurd.%I where run_id = $1 for update', 'r_' || p_queue_name)
    into live using p_run_id;
  if live is not true then
    perform chiron.refuse_run(p_queue_name, p_run_id);
  end if;
  perform chiron.fail_attempt(p_queue_name, p_run_id, p_reason, p_retry_at);
end $$;

commit;
