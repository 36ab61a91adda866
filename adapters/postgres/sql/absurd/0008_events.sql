-- Events: the first emit of a name wins and stays. A wait that came first leaves a sentinel row (payload SQL NULL), so that both sides
-- meet on one row: await holds it shared until its transaction ends, emit must own it. Neither order loses a wake-up, at the isolation
-- level "read committed"; at a higher one emit may not see a wait that committed after its own snapshot.
begin;

create or replace function absurd.await_event(
  p_queue_name text,
  p_task_id uuid,
  p_run_id uuid,
  p_step_name text,
  p_event_name text,
  p_timeout integer default null
) returns table (should_suspend boolean, payload jsonb)
language plpgsql as $$
declare
  now_at timestamptz := absurd.current_time();
  run record;
  found_payload jsonb;
  timeout_at timestamptz := now_at + make_interval(secs => p_timeout);
begin
  if p_step_name is null or p_step_name = '' or p_event_name is null or p_event_name = '' then
    raise exception 'step name and event name must not be empty';
  elsif p_timeout < 0 then
    raise exception 'timeout must not be negative';
  end if;
  -- Emit writes this checkpoint when it wakes the run.
  return query execute format(
    'select false, state from absurd.%I where task_id = $1 and checkpoint_name = $2', 'c_' || p_queue_name)
    using p_task_id, p_step_name;
  if found then
    return;
  end if;
  execute format(
    'insert into absurd.%I (event_name, payload, emitted_at) values ($1, null, ''epoch'') on conflict do nothing',
    'e_' || p_queue_name) using p_event_name;
  execute format('select payload from absurd.%I where event_name = $1 for share', 'e_' || p_queue_name)
    into found_payload using p_event_name;
  execute format(
    'select task_id, state, attempt, wake_event, event_payload from absurd.%I where run_id = $1 for update', 'r_' || p_queue_name)
    into run using p_run_id;
  if run.task_id <> p_task_id then
    raise exception 'run "%" does not belong to task "%"', p_run_id, p_task_id;
  elsif run.state is distinct from 'running' then
    perform chiron.refuse_run(p_queue_name, p_run_id);
  end if;
  if found_payload is not null then
    perform absurd.set_task_checkpoint_state(p_queue_name, p_task_id, p_step_name, found_payload, p_run_id);
    return query select false, found_payload;
    return;
  end if;
  if run.wake_event = p_event_name and run.event_payload is null then
    -- It slept for this event and was claimed without it: the time is up. Said once, a second wait begins anew.
    execute format('update absurd.%I set wake_event = null where run_id = $1', 'r_' || p_queue_name) using p_run_id;
    return query select false, null::jsonb;
    return;
  end if;
  execute format(
    'with wait as (
       insert into absurd.%I (task_id, run_id, step_name, event_name, timeout_at, created_at) values ($1, $2, $3, $4, $5, $6)
       on conflict (run_id, step_name) do update set event_name = excluded.event_name, timeout_at = excluded.timeout_at,
         created_at = excluded.created_at
     ), run as (
       update absurd.%I
       set state = ''sleeping'', available_at = coalesce($5, ''infinity''), wake_event = $4, event_payload = null,
           claimed_by = null, claim_expires_at = null
       where run_id = $2 returning task_id
     )
     update absurd.%I t set state = ''sleeping'' from run where t.task_id = run.task_id',
    'w_' || p_queue_name, 'r_' || p_queue_name, 't_' || p_queue_name)
    using p_task_id, p_run_id, p_step_name, p_event_name, timeout_at, now_at;
  return query select true, null::jsonb;
end $$;

-- The planner is told to go from the waits to their runs by id; it plans from stale statistics, see 0004.
create or replace function absurd.emit_event(p_queue_name text, p_event_name text, p_payload jsonb default null) returns void
language plpgsql
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set jit = off
as $$
declare
  now_at timestamptz := absurd.current_time();
  -- SQL NULL is kept for "awaited, not emitted".
  value jsonb := coalesce(p_payload, 'null'::jsonb);
  first integer;
begin
  if p_event_name is null or p_event_name = '' then
    raise exception 'event name must not be empty';
  end if;
  execute format(
    'insert into absurd.%I as e (event_name, payload, emitted_at) values ($1, $2, $3)
     on conflict (event_name) do update set payload = excluded.payload, emitted_at = excluded.emitted_at where e.payload is null',
    'e_' || p_queue_name) using p_event_name, value, now_at;
  get diagnostics first = row_count;
  if first = 0 then
    return;
  end if;
  -- A statement of its own: its snapshot is taken after the event row was won, so it sees every wait that was registered before.
  execute format(
    'with waiting as materialized (
       select w.run_id, w.task_id, w.step_name from absurd.%1$I w where w.event_name = $1
     ), woken as materialized (
       select r.run_id from absurd.%2$I r
       where r.run_id in (select run_id from waiting) and (r.state = ''sleeping'' and r.wake_event = $1) is true
       order by r.run_id for update
     ), runs as (
       update absurd.%2$I r set state = ''pending'', available_at = $3, event_payload = $2, wake_event = null
       from woken where r.run_id = woken.run_id
     ), checkpoints as (
       insert into absurd.%3$I (task_id, checkpoint_name, state, status, owner_run_id, updated_at)
       select waiting.task_id, waiting.step_name, $2, ''committed'', waiting.run_id, $3 from waiting join woken using (run_id)
       on conflict (task_id, checkpoint_name) do update
       set state = excluded.state, status = excluded.status, owner_run_id = excluded.owner_run_id, updated_at = excluded.updated_at
     ), waits as (
       delete from absurd.%1$I w using waiting where w.run_id = waiting.run_id and w.step_name = waiting.step_name
     )
     update absurd.%4$I t set state = ''pending'' from waiting join woken using (run_id) where t.task_id = waiting.task_id',
    'w_' || p_queue_name, 'r_' || p_queue_name, 'c_' || p_queue_name, 't_' || p_queue_name)
    using p_event_name, value, now_at;
end $$;

commit;
