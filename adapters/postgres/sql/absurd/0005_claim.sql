-- Claiming: first the two sweeps every claim call does for the whole queue (tasks that fell to their cancellation policy, runs whose
-- lease has passed), then up to p_qty due runs in the order of available_at. Nothing here waits for a lock: a row that another
-- transaction holds is left for the next call.
begin;

-- Cancels overdue tasks, 1,000 at a time; runs are locked before tasks, and a task is taken only together with its live runs.
create or replace function chiron.sweep_overdue_tasks(p_queue_name text, p_now timestamptz) returns void
language plpgsql as $$
declare
  overdue constant text :=
    't.cancellation is not null and t.state in (''pending'', ''running'', ''sleeping'')
     and chiron.cancel_at(t.cancellation, t.enqueue_at, t.first_started_at) <= $1';
  cancelled integer;
begin
  loop
    execute format(
      'with due as materialized (
         select t.task_id from absurd.%2$I t where %4$s limit 1000
       ), live as materialized (
         select r.run_id, r.task_id from absurd.%1$I r join due using (task_id)
         where r.state in (''pending'', ''running'', ''sleeping'')
         order by r.run_id for update of r skip locked
       ), task as materialized (
         select t.task_id from absurd.%2$I t
         where t.task_id in (select task_id from due) and %4$s
           and not exists (
             select 1 from absurd.%1$I r
             where r.task_id = t.task_id and r.state in (''pending'', ''running'', ''sleeping'')
               and r.run_id not in (select run_id from live))
         for update skip locked
       ), runs as (
         update absurd.%1$I r set state = ''cancelled'', claimed_by = null, claim_expires_at = null
         from live join task using (task_id) where r.run_id = live.run_id
       ), waits as (
         delete from absurd.%3$I w using task where w.task_id = task.task_id
       ), tasks as (
         update absurd.%2$I t set state = ''cancelled'', cancelled_at = $1 from task where t.task_id = task.task_id
       )
       select count(*) from task',
      'r_' || p_queue_name, 't_' || p_queue_name, 'w_' || p_queue_name, overdue)
      into cancelled using p_now;
    exit when cancelled < 1000;
  end loop;
end $$;

-- Fails runs whose lease has passed, oldest first, so that a claim pays for at most as many as it may claim.
create or replace function chiron.sweep_expired_leases(p_queue_name text, p_now timestamptz, p_qty integer) returns void
language plpgsql as $$
declare
  run record;
begin
  for run in execute format(
    'select r.run_id, r.task_id, r.attempt, r.claimed_by, r.claim_expires_at
     from absurd.%I r join absurd.%I t using (task_id)
     where r.state = ''running'' and r.claim_expires_at is not null and r.claim_expires_at <= $1
     order by r.claim_expires_at, r.run_id limit $2
     for update of r, t skip locked', 'r_' || p_queue_name, 't_' || p_queue_name)
    using p_now, p_qty
  loop
    perform chiron.fail_attempt(
      p_queue_name,
      run.run_id,
      jsonb_build_object(
        'name', '$ClaimTimeout',
        'message', format('worker %s did not finish or extend its claim in time', coalesce(run.claimed_by, '(unknown)')),
        'workerId', run.claimed_by,
        'claimExpiredAt', run.claim_expires_at,
        'attempt', run.attempt),
      null);
  end loop;
end $$;

-- The planner is told to use the indexes and to plan once: its statistics are stale on a table that is a queue, and the sort of a whole
-- backlog would be the price of one wrong guess.
create or replace function chiron.make_claim(p_queue_name text) returns void
language sql as $make$
  select chiron.make_queue_function('claim_', p_queue_name,
    '(p_worker_id text, p_claim_timeout integer, p_qty integer)
     returns table (run_id uuid, task_id uuid, attempt integer, task_name text, params jsonb, retry_strategy jsonb,
                    max_attempts integer, headers jsonb, wake_event text, event_payload jsonb)',
    'set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off
     set plan_cache_mode = force_generic_plan set jit = off', $body$
#variable_conflict use_column
declare
  now_at timestamptz := absurd.current_time();
  qty integer := greatest(coalesce(p_qty, 1), 1);
  -- A claim without a lease never expires.
  expires_at timestamptz := case when p_claim_timeout > 0 then now_at + make_interval(secs => p_claim_timeout) end;
begin
  if exists (
    select 1 from {tasks} t
    where t.cancellation is not null and t.state in ('pending', 'running', 'sleeping')
      and chiron.cancel_at(t.cancellation, t.enqueue_at, t.first_started_at) <= now_at)
  then
    perform chiron.sweep_overdue_tasks({queue}, now_at);
  end if;
  if exists (
    select 1 from {runs} r where r.state = 'running' and r.claim_expires_at is not null and r.claim_expires_at <= now_at)
  then
    perform chiron.sweep_expired_leases({queue}, now_at, qty);
  end if;
  -- An index gives the order within one state only. So the two orders are merged first, without locks, to learn how many of each state
  -- are among the first qty; then that many are locked. Where others hold some of them, the third part makes up for it.
  return query
    with shares as materialized (
      select x.state from (
        (select r.state, r.available_at, r.run_id from {runs} r
         where r.state = 'pending' and r.available_at <= now_at order by r.available_at, r.run_id limit qty)
        union all
        (select r.state, r.available_at, r.run_id from {runs} r
         where r.state = 'sleeping' and r.available_at <= now_at order by r.available_at, r.run_id limit qty)
        order by available_at, run_id limit qty) x
    ), sleeping as materialized (
      select r.run_id, r.task_id, r.available_at from {runs} r join {tasks} t on t.task_id = r.task_id
      where r.state = 'sleeping' and r.available_at <= now_at and t.state in ('pending', 'running', 'sleeping')
      order by r.available_at, r.run_id limit (select count(*) from shares where shares.state = 'sleeping')
      for update of r, t skip locked
    ), pending as materialized (
      select r.run_id, r.task_id, r.available_at from {runs} r join {tasks} t on t.task_id = r.task_id
      where r.state = 'pending' and r.available_at <= now_at and t.state in ('pending', 'running', 'sleeping')
      order by r.available_at, r.run_id limit qty - (select count(*) from sleeping)
      for update of r, t skip locked
    ), others as materialized (
      select r.run_id, r.task_id, r.available_at from {runs} r join {tasks} t on t.task_id = r.task_id
      where r.state = 'sleeping' and r.available_at <= now_at and t.state in ('pending', 'running', 'sleeping')
        and r.run_id not in (select s.run_id from sleeping s)
      order by r.available_at, r.run_id limit qty - (select count(*) from sleeping) - (select count(*) from pending)
      for update of r, t skip locked
    ), picked as materialized (
      select * from sleeping union all select * from pending union all select * from others
    ), runs as (
      update {runs} r
      set state = 'running', claimed_by = p_worker_id, claim_expires_at = expires_at, started_at = now_at, available_at = now_at
      from picked where r.run_id = picked.run_id
      returning r.run_id, r.task_id, r.attempt, r.wake_event, r.event_payload, picked.available_at as due_at
    ), waits as (
      delete from {waits} w using picked where w.run_id = picked.run_id and w.timeout_at <= now_at
    ), tasks as (
      update {tasks} t
      set state = 'running', attempts = greatest(t.attempts, runs.attempt), last_attempt_run = runs.run_id,
          first_started_at = coalesce(t.first_started_at, now_at)
      from runs where t.task_id = runs.task_id
      returning runs.run_id, t.task_id, runs.attempt, t.task_name, t.params, t.retry_strategy, t.max_attempts, t.headers,
                runs.wake_event, runs.event_payload, runs.due_at
    )
    select k.run_id, k.task_id, k.attempt, k.task_name, k.params, k.retry_strategy, k.max_attempts, k.headers, k.wake_event,
           k.event_payload
    from tasks k order by k.due_at, k.run_id;
end $body$)
$make$;

create or replace function absurd.claim_task(
  p_queue_name text,
  p_worker_id text,
  p_claim_timeout integer default 30,
  p_qty integer default 1
) returns table (
  run_id uuid,
  task_id uuid,
  attempt integer,
  task_name text,
  params jsonb,
  retry_strategy jsonb,
  max_attempts integer,
  headers jsonb,
  wake_event text,
  event_payload jsonb
)
language plpgsql as $$
begin
  perform absurd.validate_queue_name(p_queue_name);
  return query execute format('select * from chiron.%I($1, $2, $3)', 'claim_' || p_queue_name)
    using p_worker_id, p_claim_timeout, p_qty;
end $$;

commit;
