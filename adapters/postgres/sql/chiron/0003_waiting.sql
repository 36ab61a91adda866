-- How a wait ends: its result becomes a checkpoint, its row goes, and the run that slept on it becomes due, all in the transaction of
-- whatever ended it. A run that is awake, or sleeping between two attempts, is left as it is and finds the checkpoint later.
-- Locks are taken in one order: event rows, awaited tasks, runs, absurd's tasks, chiron's tasks.
begin;

-- A wait that has timed out has its own name in absurd's table, so that readers there never take it for a value.
create function chiron.stored_name(name text, kind text) returns text
language sql immutable as $$
  select case when kind = 'timeout' then name || '$timeout' else name end
$$;

-- An instant as JavaScript writes it. Only for deadlines that have passed, so four digits hold the year.
create function chiron.iso(at timestamptz) returns text
language sql immutable as $$
  select to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
$$;

-- Ends one wait. The caller holds the newest run of the task.
select chiron.define('settle', 'task uuid, p_step text, p_kind text, value text, fate integer, now_at timestamptz', 'void', $body$
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
  select last_attempt_run as run_id, attempts as attempt into owner from {tasks} where task_id = task;
  update chiron.tasks set recorded = number where task_id = task;
  insert into chiron.checkpoints (task_id, name, seq, kind, owner_run_id, attempt, created_at, duration_ms, value)
  values (task, p_step, number, p_kind, owner.run_id, owner.attempt, now_at, 0, chiron.exact(settle_{n}.value, fate));
  insert into {checkpoints} (task_id, checkpoint_name, state, status, owner_run_id, updated_at)
  values (task, chiron.stored_name(p_step, p_kind), chiron.natural(settle_{n}.value, fate), 'committed', owner.run_id, now_at)
  on conflict do nothing;
end $body$);

-- Makes a run that sleeps on waits due now; null for any other. A run that was never started sleeps for its back-off, not for a wait.
select chiron.define('wake', 'task uuid, now_at timestamptz', 'uuid', $body$
declare
  newest record;
  woken uuid;
begin
  select r.run_id, r.state, r.started_at into newest
  from {tasks} t join {runs} r on r.run_id = t.last_attempt_run where t.task_id = task for update of r;
  if newest.state = 'sleeping' and newest.started_at is not null then
    woken := newest.run_id;
    update {runs} set state = 'pending', available_at = now_at, wake_event = null where run_id = woken;
    update {tasks} set state = 'pending' where task_id = task;
    delete from {waits} where run_id = woken;
    update chiron.tasks set updated_at = now_at where task_id = task;
  end if;
  return woken;
end $body$);

-- Locks the newest runs of the tasks that wait for this.
select chiron.define('lock_waiters', 'p_kind text, p_target text', 'void', $body$
begin
  perform 1 from {runs} r where r.run_id = any (array(
    select t.last_attempt_run from chiron.waits w join {tasks} t on t.task_id = w.task_id
    where w.target = p_target and w.kind = p_kind and w.queue = {queue}))
  order by r.run_id for update;
end $body$);

-- Ends every wait on this event or task; answers the runs that became due.
create function chiron.resolve(p_kind text, p_target text, value text, fate integer, now_at timestamptz)
returns table (queue text, run_id uuid, task_id uuid)
language plpgsql as $$
declare
  n integer;
  waiter record;
begin
  for n in
    select s.number from chiron.queues s
    where s.queue in (select w.queue from chiron.waits w where w.target = p_target and w.kind = p_kind) order by s.queue
  loop
    execute format('select chiron.lock_waiters_%s($1, $2)', n) using p_kind, p_target;
  end loop;
  for waiter in
    select s.number, w.queue, w.task_id, w.step
    from chiron.waits w join chiron.tasks k on k.task_id = w.task_id join chiron.queues s on s.queue = w.queue
    where w.target = p_target and w.kind = p_kind order by k.seq, w.step collate "C"
  loop
    execute format('select chiron.settle_%s($1, $2, $3, $4, $5, $6)', waiter.number)
      using waiter.task_id, waiter.step, p_kind, value, fate, now_at;
    execute format('select chiron.wake_%s($1, $2)', waiter.number) into run_id using waiter.task_id, now_at;
    if run_id is not null then
      queue := waiter.queue;
      task_id := waiter.task_id;
      return next;
    end if;
  end loop;
end $$;

-- Ends a task's waits whose deadline has passed: a sleep with its wake time, any other as a timeout.
select chiron.define('lapse', 'task uuid, now_at timestamptz', 'void', $body$
declare
  wait record;
begin
  for wait in
    select step, kind, deadline_at from chiron.waits where task_id = task and deadline_at <= now_at
    order by deadline_at, step collate "C"
  loop
    if wait.kind = 'sleep' then
      perform chiron.settle_{n}(task, wait.step, 'sleep', to_json(chiron.iso(wait.deadline_at))::text, 0, now_at);
    else
      perform chiron.settle_{n}(task, wait.step, 'timeout', 'null', 0, now_at);
    end if;
  end loop;
end $body$);

-- The payload of an event as this queue knows it: emitted by Chiron, or by another program into this queue only. No row: not emitted.
select chiron.define('event_value', 'p_name text', 'table (value text, fate integer)', $body$
begin
  return query select e.payload, e.fate from chiron.events e where e.name = p_name;
  if not found then
    return query select chiron.compact(e.payload), 0 from {events} e where e.event_name = p_name and e.payload is not null;
  end if;
end $body$);

-- Finds what other programs have done for a task since it was looked at: events emitted past Chiron, checkpoints written past it.
select chiron.define('catch_up', 'task uuid, now_at timestamptz', 'void', $body$
declare
  wait record;
begin
  for wait in
    select w.step, e.value, e.fate from chiron.waits w, chiron.event_value_{n}(w.target) e
    where w.task_id = task and w.kind = 'event' order by w.created_at, w.step collate "C"
  loop
    perform chiron.settle_{n}(task, wait.step, 'event', wait.value, wait.fate, now_at);
  end loop;
  if (select count(*) from {checkpoints} c where c.task_id = task) = (select k.recorded from chiron.tasks k where k.task_id = task) then
    return;
  end if;
  with missing as (
    select c.checkpoint_name, c.owner_run_id, c.updated_at, coalesce(r.attempt, 1) as attempt,
           row_number() over (order by c.updated_at, c.checkpoint_name) as place
    from {checkpoints} c left join {runs} r on r.run_id = c.owner_run_id
    where c.task_id = task and c.status = 'committed' and not exists (
      select 1 from chiron.checkpoints m where m.task_id = task and chiron.stored_name(m.name, m.kind) = c.checkpoint_name)
  ), made as (
    insert into chiron.checkpoints (task_id, name, seq, kind, owner_run_id, attempt, created_at, duration_ms)
    select task, checkpoint_name, k.recorded + place, 'step', coalesce(owner_run_id, task), attempt, missing.updated_at, 0
    from missing join chiron.tasks k on k.task_id = task
    on conflict do nothing returning 1
  )
  update chiron.tasks set recorded = recorded + (select count(*) from made) where task_id = task and exists (select 1 from made);
end $body$);

insert into chiron.migrations (id, name) values (3, 'waiting');
commit;
