-- Claiming: first the two sweeps every claim call does for the whole queue (tasks that fell to their cancellation policy, runs whose
-- lease has passed), then up to p_qty due runs in the order of available_at. Nothing here waits for a lock: a row that another
-- transaction holds is left for the next call.
--
-- What a claim costs must not grow with what the queue went through. Tables may be large, statistics stale; and while some other
-- session holds an old snapshot, every run that was claimed since leaves a dead entry at the very end of the index where a claim
-- begins, which nobody may remove. A session that had to walk over a thousand of them remembers where the living began and starts there
-- next time. It may so miss a run that was committed late or is due since before that mark, so it walks the whole way again as soon as
-- twenty times the duration of the walk has gone by.
begin;

-- Cancels overdue tasks, 1,000 at a time; runs are locked before tasks, and a task is taken only together with its live runs.
create or replace function chiron.sweep_overdue_tasks(p_queue_name text, p_now timestamptz) returns void
language plpgsql
set enable_seqscan = off
set jit = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
declare
  -- "is true" keeps the planner from going by the state; see 0004.
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
         where (r.state in (''pending'', ''running'', ''sleeping'')) is true
         order by r.run_id for update of r skip locked
       ), task as materialized (
         select t.task_id from absurd.%2$I t
         where t.task_id in (select task_id from due) and %4$s
           and not exists (
             select 1 from absurd.%1$I r
             where r.task_id = t.task_id and (r.state in (''pending'', ''running'', ''sleeping'')) is true
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
language plpgsql
set enable_seqscan = off
set enable_bitmapscan = off
set enable_sort = off
set jit = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
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

-- Where a walk along one of the indexes may begin.
create or replace function chiron.walk_from(walk text, p_queue_name text) returns timestamptz
language plpgsql volatile as $$
declare
  -- "<mark> <time of the next whole walk>", both as seconds.
  remembered text := current_setting(format('chiron.%s_%s', walk, left(md5(p_queue_name), 16)), true);
begin
  if remembered is null or remembered = '' or split_part(remembered, ' ', 2)::numeric <= extract(epoch from clock_timestamp()) then
    return '-infinity';
  end if;
  return to_timestamp(split_part(remembered, ' ', 1)::double precision);
end $$;

-- Called after a whole walk that was long.
create or replace function chiron.remember_walk(walk text, p_queue_name text, mark timestamptz, walk_began timestamptz) returns void
language plpgsql volatile as $$
declare
  ended timestamptz := clock_timestamp();
begin
  -- A millisecond earlier, because the text of a mark may be rounded.
  perform set_config(
    format('chiron.%s_%s', walk, left(md5(p_queue_name), 16)),
    format('%s %s', extract(epoch from mark) - 0.001, extract(epoch from ended + 20 * (ended - walk_began))), false);
end $$;

-- Rows of the two sweeps are rare, so it is asked first whether there are any.
create or replace function chiron.make_sweep(p_queue_name text) returns void
language sql as $make$
  select chiron.make_queue_function('sweep:', p_queue_name, '(now_at timestamptz, qty integer) returns void',
    'set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off set plan_cache_mode = force_generic_plan set jit = off',
    $body$
declare
  far constant bigint := 1000;
  began timestamptz := clock_timestamp();
  from_at timestamptz := chiron.walk_from('overdue', {queue});
  before bigint := pg_stat_get_xact_tuples_returned({policy_index});
begin
  if exists (
    select 1 from {tasks} t
    where t.cancellation is not null and t.state in ('pending', 'running', 'sleeping')
      and chiron.cancel_at(t.cancellation, t.enqueue_at, t.first_started_at) between from_at and now_at)
  then
    perform chiron.sweep_overdue_tasks({queue}, now_at);
  elsif from_at = '-infinity' and pg_stat_get_xact_tuples_returned({policy_index}) - before > far then
    perform chiron.remember_walk('overdue', {queue}, now_at, began);
  end if;
  began := clock_timestamp();
  from_at := chiron.walk_from('leases', {queue});
  before := pg_stat_get_xact_tuples_returned({lease_index});
  -- The order is asked for so that no index but that of leases will do.
  perform 1 from {runs} r
  where r.state = 'running' and r.claim_expires_at is not null and r.claim_expires_at between from_at and now_at
  order by r.claim_expires_at limit 1;
  if found then
    perform chiron.sweep_expired_leases({queue}, now_at, qty);
  elsif from_at = '-infinity' and pg_stat_get_xact_tuples_returned({lease_index}) - before > far then
    perform chiron.remember_walk('leases', {queue}, now_at, began);
  end if;
end $body$)
$make$;

-- Locks the runs to claim. An index gives the order within one state only: so the two orders are merged first, without locks, to learn
-- how many of each state are among the first qty; then that many are locked. Where others hold some of them, the third part makes up
-- for it. The planner is told to use the order of the index: any sort would be one of the whole backlog.
create or replace function chiron.make_pick(p_queue_name text) returns void
language sql as $make$
  select chiron.make_queue_function('pick:', p_queue_name,
    '(now_at timestamptz, qty integer, pending_from timestamptz, sleeping_from timestamptz)
     returns table (run_id uuid, task_id uuid, attempt integer, state text, due_at timestamptz)',
    'set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off set plan_cache_mode = force_generic_plan set jit = off',
    $body$
#variable_conflict use_column
declare
  live constant text[] := '{pending,running,sleeping}';
  sleepers integer := 0;
begin
  if exists (select 1 from {runs} r where r.state = 'sleeping' and r.available_at between sleeping_from and now_at) then
    select count(*) filter (where x.state = 'sleeping') into sleepers from (
      (select r.state, r.available_at, r.run_id from {runs} r
       where r.state = 'pending' and r.available_at between pending_from and now_at order by r.available_at, r.run_id limit qty)
      union all
      (select r.state, r.available_at, r.run_id from {runs} r
       where r.state = 'sleeping' and r.available_at between sleeping_from and now_at order by r.available_at, r.run_id limit qty)
      order by available_at, run_id limit qty) x;
  end if;
  return query
    with sleeping as materialized (
      select r.run_id, r.task_id, r.attempt, r.state, r.available_at from {runs} r
      where r.state = 'sleeping' and r.available_at between sleeping_from and now_at
        and (select t.state = any (live) from {tasks} t where t.task_id = r.task_id)
      order by r.available_at, r.run_id limit sleepers for update skip locked
    ), pending as materialized (
      select r.run_id, r.task_id, r.attempt, r.state, r.available_at from {runs} r
      where r.state = 'pending' and r.available_at between pending_from and now_at
        and (select t.state = any (live) from {tasks} t where t.task_id = r.task_id)
      order by r.available_at, r.run_id limit qty - (select count(*) from sleeping) for update skip locked
    ), others as materialized (
      select r.run_id, r.task_id, r.attempt, r.state, r.available_at from {runs} r
      where r.state = 'sleeping' and r.available_at between sleeping_from and now_at
        and (select t.state = any (live) from {tasks} t where t.task_id = r.task_id)
        and r.run_id not in (select s.run_id from sleeping s)
      order by r.available_at, r.run_id
      limit qty - (select count(*) from sleeping) - (select count(*) from pending) for update skip locked
    )
    select * from sleeping union all select * from pending union all select * from others order by 5, 1;
end $body$)
$make$;

create or replace function chiron.make_claim(p_queue_name text) returns void
language sql as $make$
  select chiron.make_queue_function('claim:', p_queue_name,
    '(p_worker_id text, p_claim_timeout integer, p_qty integer)
     returns table (run_id uuid, task_id uuid, attempt integer, task_name text, params jsonb, retry_strategy jsonb,
                    max_attempts integer, headers jsonb, wake_event text, event_payload jsonb)',
    'set enable_seqscan = off set enable_bitmapscan = off set plan_cache_mode = force_generic_plan set jit = off', $body$
#variable_conflict use_column
declare
  far constant bigint := 1000;
  now_at timestamptz := absurd.current_time();
  qty integer := greatest(coalesce(p_qty, 1), 1);
  pending_from timestamptz := chiron.walk_from('pending', {queue});
  sleeping_from timestamptz := chiron.walk_from('sleeping', {queue});
  began timestamptz;
  before bigint;
  run_ids uuid[];
  task_ids uuid[];
  attempt_numbers integer[];
  first_pending timestamptz;
  first_sleeping timestamptz;
  free_tasks uuid[];
begin
  perform {sweep}(now_at, qty);
  began := clock_timestamp();
  before := pg_stat_get_xact_tuples_returned({due_index});
  select array_agg(p.run_id), array_agg(p.task_id), array_agg(p.attempt),
         min(p.due_at) filter (where p.state = 'pending'), min(p.due_at) filter (where p.state = 'sleeping')
  into run_ids, task_ids, attempt_numbers, first_pending, first_sleeping
  from {pick}(now_at, qty, pending_from, sleeping_from) p;
  if least(pending_from, sleeping_from) = '-infinity'
    and pg_stat_get_xact_tuples_returned({due_index}) - before > far + 4 * qty
  then
    perform chiron.remember_walk('pending', {queue}, coalesce(first_pending, now_at), began),
            chiron.remember_walk('sleeping', {queue}, coalesce(first_sleeping, now_at), began);
  end if;
  if run_ids is null then
    return;
  end if;
  select array_agg(x.task_id) into free_tasks from (
    select t.task_id from {tasks} t
    where t.task_id = any (task_ids) and (t.state in ('pending', 'running', 'sleeping')) is true for update skip locked) x;
  if free_tasks is null then
    return;
  elsif cardinality(free_tasks) < cardinality(task_ids) then
    select array_agg(p.run_id order by p.place), array_agg(p.task_id order by p.place), array_agg(p.attempt order by p.place)
    into run_ids, task_ids, attempt_numbers
    from unnest(run_ids, task_ids, attempt_numbers) with ordinality p (run_id, task_id, attempt, place) where p.task_id = any (free_tasks);
  end if;
  update {runs} r
  set state = 'running', claimed_by = p_worker_id, started_at = now_at, available_at = now_at,
      -- A claim without a lease never expires.
      claim_expires_at = case when p_claim_timeout > 0 then now_at + make_interval(secs => p_claim_timeout) end
  where r.run_id = any (run_ids);
  delete from {waits} w where w.run_id = any (run_ids) and w.timeout_at <= now_at;
  update {tasks} t
  set state = 'running', attempts = greatest(t.attempts, p.attempt), last_attempt_run = p.run_id,
      first_started_at = coalesce(t.first_started_at, now_at)
  from unnest(run_ids, task_ids, attempt_numbers) p (run_id, task_id, attempt)
  where t.task_id = any (task_ids) and t.task_id = p.task_id;
  -- "offset 0" keeps each look-up a look-up by id: joined freely, a plan made while the queue was empty may walk another index.
  return query
    select r.run_id, r.task_id, r.attempt, t.task_name, t.params, t.retry_strategy, t.max_attempts, t.headers, r.wake_event,
           r.event_payload
    from unnest(run_ids) with ordinality p (run_id, place)
    cross join lateral (select * from {runs} x where x.run_id = p.run_id offset 0) r
    cross join lateral (select * from {tasks} x where x.task_id = r.task_id offset 0) t
    order by p.place;
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
  return query execute format('select * from chiron.%I($1, $2, $3)', 'claim:' || p_queue_name)
    using p_worker_id, p_claim_timeout, p_qty;
end $$;

commit;
