-- How a wait ends: its result becomes a checkpoint, its row goes, and the run that slept on it becomes due, all in the transaction of
-- whatever ended it. A run that is awake, or sleeping between two attempts, is left as it is and finds the checkpoint later.
-- Locks are taken in one order: event rows, awaited tasks, runs, absurd's tasks, chiron's tasks.
begin;

-- A wait that has timed out has its own name in absurd's table, so that readers there never take it for a value.
create function chiron.stored_name(name text, kind text) returns text
language sql immutable as $$
  select case when kind = 'timeout' then name || '$timeout' else name end
$$;

-- Ends one wait. The caller holds the newest run of the task.
create function chiron.settle(q text, task uuid, p_step text, p_kind text, value text, fate integer, now_at timestamptz) returns void
language plpgsql as $$
declare
  number integer;
  owner record;
begin
  select recorded + 1 into number from chiron.tasks where task_id = task for update;
  if number is null then
    return;
  end if;
  delete from chiron.waits where task_id = task and step = p_step;
  if exists (select 1 from chiron.checkpoints where task_id = task and name = p_step) then
    return;
  end if;
  execute format('select last_attempt_run as run_id, attempts as attempt from %s where task_id = $1', chiron.relation('t_', q))
    into owner using task;
  update chiron.tasks set recorded = number where task_id = task;
  insert into chiron.checkpoints (task_id, name, seq, kind, owner_run_id, attempt, created_at, duration_ms, value)
  values (task, p_step, number, p_kind, owner.run_id, owner.attempt, now_at, 0, chiron.exact(value, fate));
  execute format(
    'insert into %s (task_id, checkpoint_name, state, status, owner_run_id, updated_at) values ($1, $2, $3, ''committed'', $4, $5)
     on conflict do nothing', chiron.relation('c_', q))
    using task, chiron.stored_name(p_step, p_kind), chiron.natural(value, fate), owner.run_id, now_at;
end $$;

-- Makes a run that sleeps on waits due now; null for any other. A run that was never started sleeps for its back-off, not for a wait.
create function chiron.wake(q text, task uuid, now_at timestamptz) returns uuid
language plpgsql as $$
declare
  woken uuid;
begin
  execute format(
    'update %s r set state = ''pending'', available_at = $2, wake_event = null
     where r.run_id = (select last_attempt_run from %s where task_id = $1) and r.state = ''sleeping'' and r.started_at is not null
     returning run_id', chiron.relation('r_', q), chiron.relation('t_', q))
    into woken using task, now_at;
  if woken is not null then
    execute format('update %s set state = ''pending'' where task_id = $1', chiron.relation('t_', q)) using task;
    execute format('delete from %s where run_id = $1', chiron.relation('w_', q)) using woken;
    update chiron.tasks set updated_at = now_at where task_id = task;
  end if;
  return woken;
end $$;

-- Ends every wait on this event or task; answers the runs that became due.
create function chiron.resolve(p_kind text, p_target text, value text, fate integer, now_at timestamptz)
returns table (queue text, run_id uuid, task_id uuid)
language plpgsql as $$
declare
  q text;
  waiter record;
begin
  for q in select distinct w.queue from chiron.waits w where w.target = p_target and w.kind = p_kind order by 1 loop
    execute format(
      'select 1 from %s r where r.run_id in (
         select t.last_attempt_run from chiron.waits w join %s t on t.task_id = w.task_id
         where w.target = $1 and w.kind = $2 and w.queue = $3)
       order by r.run_id for update', chiron.relation('r_', q), chiron.relation('t_', q))
      using p_target, p_kind, q;
  end loop;
  for waiter in
    select w.queue, w.task_id, w.step from chiron.waits w join chiron.tasks k on k.task_id = w.task_id
    where w.target = p_target and w.kind = p_kind order by k.seq, w.step collate "C"
  loop
    perform chiron.settle(waiter.queue, waiter.task_id, waiter.step, p_kind, value, fate, now_at);
    queue := waiter.queue;
    task_id := waiter.task_id;
    run_id := chiron.wake(waiter.queue, waiter.task_id, now_at);
    if run_id is not null then
      return next;
    end if;
  end loop;
end $$;

-- An instant as JavaScript writes it. Only for deadlines that have passed, so four digits hold the year.
create function chiron.iso(at timestamptz) returns text
language sql immutable as $$
  select to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
$$;

-- Ends a task's waits whose deadline has passed: a sleep with its wake time, any other as a timeout.
create function chiron.lapse(q text, task uuid, now_at timestamptz) returns void
language plpgsql as $$
declare
  wait record;
begin
  for wait in
    select step, kind, deadline_at from chiron.waits where task_id = task and deadline_at <= now_at order by deadline_at, step collate "C"
  loop
    if wait.kind = 'sleep' then
      perform chiron.settle(q, task, wait.step, 'sleep', to_json(chiron.iso(wait.deadline_at))::text, 0, now_at);
    else
      perform chiron.settle(q, task, wait.step, 'timeout', 'null', 0, now_at);
    end if;
  end loop;
end $$;

-- The payload of an event as this queue knows it: emitted by Chiron, or by another program into this queue only. No row: not emitted.
create function chiron.event_value(q text, p_name text) returns table (value text, fate integer)
language plpgsql stable as $$
begin
  return query select e.payload, e.fate from chiron.events e where e.name = p_name;
  if not found then
    return query execute format('select chiron.compact(payload), 0 from %s where event_name = $1 and payload is not null',
      chiron.relation('e_', q)) using p_name;
  end if;
end $$;

-- Finds what other programs have done for a task since it was looked at: events emitted past Chiron, checkpoints written past it.
create function chiron.catch_up(q text, task uuid, now_at timestamptz) returns void
language plpgsql as $$
declare
  wait record;
begin
  for wait in
    select w.step, e.value, e.fate from chiron.waits w, chiron.event_value(q, w.target) e
    where w.task_id = task and w.kind = 'event' order by w.created_at, w.step
  loop
    perform chiron.settle(q, task, wait.step, 'event', wait.value, wait.fate, now_at);
  end loop;
  execute format(
    'with missing as (
       select c.*, coalesce(r.attempt, 1) as attempt, row_number() over (order by c.updated_at, c.checkpoint_name) as place
       from %s c left join %s r on r.run_id = c.owner_run_id
       where c.task_id = $1 and c.status = ''committed'' and not exists (
         select 1 from chiron.checkpoints m where m.task_id = $1 and chiron.stored_name(m.name, m.kind) = c.checkpoint_name)
     ), made as (
       insert into chiron.checkpoints (task_id, name, seq, kind, owner_run_id, attempt, created_at, duration_ms)
       select $1, checkpoint_name, k.recorded + place, ''step'', coalesce(owner_run_id, $1), attempt, missing.updated_at, 0
       from missing join chiron.tasks k on k.task_id = $1
       on conflict do nothing returning 1
     )
     update chiron.tasks set recorded = recorded + (select count(*) from made) where task_id = $1 and exists (select 1 from made)',
    chiron.relation('c_', q), chiron.relation('r_', q))
    using task;
end $$;

insert into chiron.migrations (id, name) values (3, 'waiting');
commit;
