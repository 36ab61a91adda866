-- Cancel ends a live task and all its live runs; a worker learns of it at its next write (AB001). Retry gives a failed task another
-- attempt, in place with its checkpoints, or as a new task from the same inputs.
begin;

create or replace function absurd.cancel_task(p_queue_name text, p_task_id uuid) returns void
language plpgsql as $$
declare
  now_at timestamptz := absurd.current_time();
  locked uuid[] := '{}';
  live uuid[];
  task_state text;
begin
  -- Runs before the task. While one lock was waited for, its attempt may have failed and another have begun: look again until every
  -- live run is held; then none can be added.
  loop
    execute format(
      'select coalesce(array_agg(run_id) filter (where state in (''pending'', ''running'', ''sleeping'')), ''{}'') from (
         select run_id, state from absurd.%I where task_id = $1 order by run_id for update) x', 'r_' || p_queue_name)
      into live using p_task_id;
    exit when live <@ locked;
    locked := locked || live;
  end loop;
  execute format('select state from absurd.%I where task_id = $1 for update', 't_' || p_queue_name) into task_state using p_task_id;
  if task_state is null then
    raise exception 'task "%" not found in queue "%"', p_task_id, p_queue_name;
  elsif task_state in ('completed', 'failed', 'cancelled') then
    return;
  end if;
  execute format(
    'with runs as (
       update absurd.%1$I set state = ''cancelled'', claimed_by = null, claim_expires_at = null
       where task_id = $1 and (state in (''pending'', ''running'', ''sleeping'')) is true
     ), waits as (
       delete from absurd.%2$I where task_id = $1
     )
     update absurd.%3$I set state = ''cancelled'', cancelled_at = $2 where task_id = $1',
    'r_' || p_queue_name, 'w_' || p_queue_name, 't_' || p_queue_name)
    using p_task_id, now_at;
end $$;

create or replace function absurd.retry_task(p_queue_name text, p_task_id uuid, p_options jsonb default '{}'::jsonb)
returns table (task_id uuid, run_id uuid, attempt integer, created boolean)
language plpgsql as $$
declare
  options jsonb := coalesce(p_options, '{}'::jsonb);
  wished integer := (options ->> 'max_attempts')::integer;
  now_at timestamptz := absurd.current_time();
  task record;
  allowed integer;
  new_run uuid;
begin
  execute format(
    'select task_name, params, headers, retry_strategy, max_attempts, cancellation, state, attempts
     from absurd.%I where task_id = $1 for update', 't_' || p_queue_name)
    into task using p_task_id;
  if task.state is null then
    raise exception 'task "%" not found in queue "%"', p_task_id, p_queue_name;
  elsif task.state <> 'failed' then
    raise exception 'task "%" is not failed, it is %', p_task_id, task.state;
  end if;
  if coalesce((options ->> 'spawn_new')::boolean, false) then
    return query select * from absurd.spawn_task(
      p_queue_name, task.task_name, task.params,
      jsonb_strip_nulls(jsonb_build_object('max_attempts', coalesce(wished, task.max_attempts)))
        || jsonb_build_object(
             'headers', task.headers, 'retry_strategy', task.retry_strategy, 'cancellation', task.cancellation));
    return;
  end if;
  allowed := coalesce(wished, coalesce(task.max_attempts, task.attempts) + 1);
  if allowed <= task.attempts then
    raise exception 'max_attempts must be more than the % attempts made', task.attempts;
  end if;
  new_run := absurd.portable_uuidv7();
  execute format(
    'with run as (
       insert into absurd.%I (run_id, task_id, attempt, state, available_at, created_at)
       values ($2, $1, $3, ''pending'', $5, $5)
     )
     update absurd.%I set state = ''pending'', attempts = $3, max_attempts = $4, last_attempt_run = $2 where task_id = $1',
    'r_' || p_queue_name, 't_' || p_queue_name)
    using p_task_id, new_run, task.attempts + 1, allowed, now_at;
  return query select p_task_id, new_run, task.attempts + 1, false;
end $$;

commit;
