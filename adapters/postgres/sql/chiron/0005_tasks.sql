-- A task's beginning, and the ends that come from outside a claim: cancel, retry, retention. Members come as one JSON array; n is a
-- member's place in it and in the answer.
begin;

-- `ticket` names this call; `again`: it was sent before and its answer was lost, so tasks that bear the ticket are its own.
select chiron.define('enqueue', 'members json, p_ticket text, again boolean',
  'table (n integer, task_id uuid, run_id uuid, attempt integer, created boolean)', $body$
#variable_conflict use_column
declare
  m record;
  now_at timestamptz;
begin
  -- An earlier sending may still be at work on the server: wait for its end.
  perform pg_advisory_xact_lock(hashtextextended('chiron ' || p_ticket, 0));
  -- All keys first and in one order, so that two processes never wait for each other's.
  insert into chiron.start_keys (queue, key)
  select {queue}, x.key from json_to_recordset(members) as x(key text) where x.key is not null group by x.key order by x.key
  on conflict do nothing;
  now_at := absurd.current_time();
  for m in
    select * from json_to_recordset(members) as x(n integer, name text, name_json text, input text, fate integer, key text,
      max_attempts integer, cause text, ref text, parent uuid, harness text) order by x.n
  loop
    n := m.n;
    task_id := null;
    if again then
      select k.task_id into task_id from chiron.tasks k
      where k.seq > (select max(seq) - 20000 from chiron.tasks) and k.ticket = p_ticket || '.' || m.n;
    end if;
    created := task_id is not null;
    if task_id is null and m.key is not null then
      select s.task_id into task_id from chiron.start_keys s where s.queue = {queue} and s.key = m.key;
    end if;
    if task_id is null then
      select s.task_id, s.run_id, s.attempt, s.created into task_id, run_id, attempt, created
      from absurd.spawn_task({queue}, 'centaur.workflow',
        jsonb_build_object('workflow_name', m.name, 'input', chiron.natural(m.input, m.fate), 'harness_type', m.harness),
        jsonb_strip_nulls(jsonb_build_object('max_attempts', m.max_attempts, 'idempotency_key', m.key))) s;
      if created then
        insert into chiron.tasks (task_id, queue, workflow_name, name_json, cause_kind, cause_ref, parent_task_id, harness_type, input,
                                  created_at, updated_at, ticket)
        values (task_id, {queue}, m.name, m.name_json, m.cause, m.ref, m.parent, m.harness, chiron.exact(m.input, m.fate), now_at,
                now_at, p_ticket || '.' || m.n);
      else
        perform chiron.adopt({queue}, array[task_id]);
      end if;
      if m.key is not null then
        update chiron.start_keys s set task_id = enqueue_{n}.task_id where s.queue = {queue} and s.key = m.key;
      end if;
    else
      select t.last_attempt_run, t.attempts into run_id, attempt from {tasks} t where t.task_id = enqueue_{n}.task_id;
      if not found then
        select s.run_id, s.attempt into run_id, attempt from chiron.start_keys s where s.queue = {queue} and s.key = m.key;
      end if;
    end if;
    return next;
  end loop;
end $body$, true);

-- Locks the newest run of a task, then tells how the task stands. A retry may have made a newer run meanwhile: look again.
select chiron.define('hold_task', 'task uuid, out run_id uuid, out attempt integer, out state text, out max_attempts integer', 'record',
$body$
declare
  held uuid;
begin
  loop
    select t.last_attempt_run into held from {tasks} t where t.task_id = task;
    exit when held is null;
    perform 1 from {runs} r where r.run_id = held for update;
    select t.last_attempt_run, t.attempts, t.state, t.max_attempts into run_id, attempt, state, max_attempts
    from {tasks} t where t.task_id = task for update;
    exit when run_id is not distinct from held;
  end loop;
end $body$);

select chiron.define('cancel', 'task uuid, out run_id uuid, out state text, out changed boolean', 'record', $body$
begin
  select h.run_id, h.state into run_id, state from chiron.hold_task_{n}(task) h;
  changed := coalesce(state in ('pending', 'running', 'sleeping'), false);
  if changed then
    perform absurd.cancel_task({queue}, task);
    perform chiron.end_task_{n}(task, run_id, 'cancelled', null, 0, null, absurd.current_time());
    state := 'cancelled';
  end if;
end $body$);

create function chiron.cancel(members json) returns table (n integer, run_id uuid, state text, changed boolean)
language plpgsql
set enable_seqscan = off set jit = off set plan_cache_mode = force_generic_plan
as $$
declare
  m record;
  queue_number integer;
begin
  for m in select * from json_to_recordset(members) as x(n integer, task uuid) order by x.task, x.n loop
    n := m.n;
    run_id := null;
    state := null;
    changed := false;
    queue_number := (chiron.find_task(m.task)).number;
    if queue_number is not null then
      execute format('select * from chiron.cancel_%s($1)', queue_number) into run_id, state, changed using m.task;
    end if;
    return next;
  end loop;
end $$;

select chiron.define('retry', 'task uuid, out run_id uuid, out attempt integer, out refused text', 'record', $body$
declare
  held record;
begin
  select * into held from chiron.hold_task_{n}(task);
  refused := coalesce(held.state, 'not_found');
  if refused = 'failed' then
    select r.run_id, r.attempt into run_id, attempt from absurd.retry_task({queue}, task, jsonb_build_object(
      'max_attempts', greatest(coalesce(held.max_attempts, 0), held.attempt + 1))) r;
    update chiron.tasks k set ended = null, finished_at = null, updated_at = absurd.current_time() where k.task_id = task;
    refused := null;
  end if;
end $body$);

create function chiron.retry(members json) returns table (n integer, run_id uuid, attempt integer, refused text)
language plpgsql
set enable_seqscan = off set jit = off set plan_cache_mode = force_generic_plan
as $$
declare
  m record;
  queue_number integer;
begin
  for m in select * from json_to_recordset(members) as x(n integer, task uuid) order by x.task, x.n loop
    n := m.n;
    run_id := null;
    attempt := null;
    refused := 'not_found';
    queue_number := (chiron.find_task(m.task)).number;
    if queue_number is not null then
      execute format('select * from chiron.retry_%s($1)', queue_number) into run_id, attempt, refused using m.task;
    end if;
    return next;
  end loop;
end $$;

-- Deletes these tasks of one queue with all that belongs to them. Their start keys stay and keep the ids they answer with.
create function chiron.delete_tasks(q text, ids uuid[]) returns void
language plpgsql as $$
declare
  prefix text;
begin
  execute format(
    'update chiron.start_keys s set run_id = t.last_attempt_run, attempt = t.attempts from %s t
     where t.task_id = any ($1) and t.idempotency_key is not null and s.queue = $2 and s.key = t.idempotency_key',
    chiron.relation('t_', q)) using ids, q;
  foreach prefix in array array['w_', 'c_', 'r_', 't_', 'i_'] loop
    -- i_ is there for partitioned queues only.
    if prefix <> 'i_' or to_regclass(chiron.relation(prefix, q)) is not null then
      execute format('delete from %s where task_id = any ($1)', chiron.relation(prefix, q)) using ids;
    end if;
  end loop;
  delete from chiron.logs where task_id = any (ids);
  delete from chiron.checkpoints where task_id = any (ids);
  delete from chiron.waits where task_id = any (ids);
  delete from chiron.runs where task_id = any (ids);
  delete from chiron.tasks where task_id = any (ids);
end $$;

create function chiron.forget(before_ms double precision, max_tasks integer) returns integer
language plpgsql as $$
declare
  q text;
  ids uuid[];
  over uuid[];
  total integer := 0;
begin
  for q, ids in
    select x.queue, array_agg(x.task_id) from (
      select k.queue, k.task_id from chiron.tasks k where k.finished_at < chiron.at(before_ms)
      order by k.finished_at limit max_tasks for update skip locked) x
    group by x.queue
  loop
    -- A task that another program has started again is not over.
    execute format('select array_agg(i) from unnest($1) i where not exists (
      select 1 from %s t where t.task_id = i and t.state in (''pending'', ''running'', ''sleeping''))', chiron.relation('t_', q))
      into over using ids;
    perform chiron.delete_tasks(q, over);
    total := total + coalesce(cardinality(over), 0);
  end loop;
  return total;
end $$;

insert into chiron.migrations (id, name) values (5, 'tasks');
commit;
