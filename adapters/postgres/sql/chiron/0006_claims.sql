-- Taking runs, holding them, giving them back, and ending claims that nobody holds. What a claim finds due it also brings up to date:
-- waits whose deadline has passed become checkpoints before the checkpoints are read.
begin;

-- Ends lapsed claims as failed attempts; the next attempt is due at once.
select chiron.define('expire', 'failure text, fate integer, max_runs integer',
  'table (run_id uuid, task_id uuid, attempt integer, lease_until timestamptz, task_state text)', $body$
declare
  lapsed record;
  now_at timestamptz := absurd.current_time();
  next_at timestamptz := date_trunc('milliseconds', now_at);
begin
  if not exists (select 1 from {runs} r where r.state = 'running' and r.claim_expires_at <= now_at) then
    return;
  end if;
  for lapsed in
    select r.run_id, r.task_id, r.attempt, r.claim_expires_at from {runs} r left join chiron.tasks k on k.task_id = r.task_id
    where r.state = 'running' and r.claim_expires_at <= now_at
    order by chiron.ms(r.claim_expires_at), k.seq limit max_runs for update of r skip locked
  loop
    run_id := lapsed.run_id;
    task_id := lapsed.task_id;
    attempt := lapsed.attempt;
    lease_until := lapsed.claim_expires_at;
    -- Due at once, in the order in which they are ended here.
    next_at := least(now_at, next_at + interval '1 microsecond');
    select f.task_state into task_state from chiron.fail_locked_{n}(run_id, failure, fate, next_at, now_at) f;
    return next;
  end loop;
end $body$);

-- Brings runs that were claimed a moment ago up to date. Answers those that are Chiron's to run; others are put back.
select chiron.define('prepare_claimed', 'runs uuid[], tasks uuid[], now_at timestamptz', 'uuid[]', $body$
declare
  task uuid;
  place integer;
begin
  if exists (select 1 from unnest(tasks) i where not exists (select 1 from chiron.tasks k where k.task_id = i)) then
    perform chiron.adopt({queue}, tasks);
    for place in
      select i.place from unnest(tasks) with ordinality as i(task_id, place)
      where not exists (select 1 from chiron.tasks k where k.task_id = i.task_id)
    loop
      -- As Absurd's own workers do with a name they do not know.
      perform absurd.schedule_run({queue}, runs[place], now_at + make_interval(secs => 15 + 15 * random()));
      runs[place] := null;
    end loop;
  end if;
  for task in
    select k.task_id from unnest(tasks) i join chiron.tasks k on k.task_id = i
    where k.recorded > 0 or exists (select 1 from chiron.waits w where w.task_id = k.task_id)
  loop
    perform chiron.catch_up_{n}(task, now_at);
    perform chiron.lapse_{n}(task, now_at);
  end loop;
  return array_remove(runs, null);
end $body$);

-- What a task has recorded, in order: [name, kind, exact text, text of the jsonb].
select chiron.define('recorded', 'task uuid', 'json', $body$
begin
  return (
    select coalesce(json_agg(json_build_array(m.name, m.kind, m.value,
      case when m.value is null then coalesce(c.state::text, 'null') end) order by m.seq), '[]')
    from chiron.checkpoints m
    left join {checkpoints} c on c.task_id = m.task_id and c.checkpoint_name = chiron.stored_name(m.name, m.kind)
    where m.task_id = task);
end $body$);

select chiron.define('claim', 'worker text, lease_s integer, qty integer, code text, failure text',
  'table (run_id uuid, task_id uuid, workflow_name text, input text, stored text, attempt integer, max_attempts integer,
          lease_until double precision, harness_type text, due_at double precision, recorded json)', $body$
#variable_conflict use_column
declare
  due uuid[];
  due_ats timestamptz[];
  runs uuid[];
  tasks uuid[];
  now_at timestamptz := absurd.current_time();
begin
  -- absurd's claim would do this by itself, but tell nobody.
  perform chiron.expire_{n}(failure, 0, qty);
  select array_agg(x.run_id), array_agg(x.available_at) into due, due_ats from (
    (select r.run_id, r.available_at from {runs} r where r.state = 'pending' and r.available_at <= now_at
     order by r.available_at limit 2 * qty)
    union all
    (select r.run_id, r.available_at from {runs} r where r.state = 'sleeping' and r.available_at <= now_at
     order by r.available_at limit 2 * qty)) x;
  if due is null then
    return;
  end if;
  select array_agg(c.run_id), array_agg(c.task_id) into runs, tasks from absurd.claim_task({queue}, worker, lease_s, qty) c;
  if runs is null then
    return;
  end if;
  runs := chiron.prepare_claimed_{n}(runs, tasks, now_at);
  update chiron.tasks k
  set updated_at = now_at, generation = case when r.attempt = 1 then coalesce(code, k.generation) else k.generation end
  from {runs} r where r.run_id = any (runs) and k.task_id = r.task_id;
  insert into chiron.runs as x (run_id, task_id, started_at, generation)
  select r.run_id, r.task_id, now_at, code from {runs} r where r.run_id = any (runs) and r.attempt > 1
  on conflict (run_id) do update
  set started_at = coalesce(x.started_at, excluded.started_at), generation = coalesce(excluded.generation, x.generation);
  return query
    select r.run_id, r.task_id, k.workflow_name, k.input,
           case when k.input is null then coalesce((t.params -> 'input')::text, 'null') end,
           r.attempt, t.max_attempts, chiron.ms(r.claim_expires_at), k.harness_type, chiron.ms(coalesce(d.due_at, now_at)),
           case when k.recorded > 0 then chiron.recorded_{n}(r.task_id) else '[]' end
    from unnest(runs) with ordinality as u(run_id, place)
    join {runs} r on r.run_id = u.run_id join {tasks} t on t.task_id = r.task_id join chiron.tasks k on k.task_id = r.task_id
    left join unnest(due, due_ats) as d(run_id, due_at) on d.run_id = u.run_id
    order by d.due_at, u.place;
end $body$, true);

create function chiron.claim(members json, failure text)
returns table (n integer, run_id uuid, task_id uuid, workflow_name text, input text, stored text, attempt integer, max_attempts integer,
               lease_until double precision, harness_type text, due_at double precision, recorded json)
language plpgsql
set enable_seqscan = off set jit = off set plan_cache_mode = force_generic_plan
as $$
declare
  m record;
begin
  for m in select * from json_to_recordset(members) as x(n integer, q integer, worker text, lease integer, qty integer, code text) order by x.n loop
    return query execute format('select $1, c.* from chiron.claim_%s($2, $3, $4, $5, $6) c', m.q)
      using m.n, m.worker, m.lease, m.qty, m.code, failure;
  end loop;
end $$;

select chiron.define('extend', 'members json', 'table (n integer, refused text)', $body$
declare
  m record;
begin
  for m in select * from json_to_recordset(members) as x(n integer, run uuid, worker text, lease double precision) order by x.run, x.n loop
    n := m.n;
    refused := null;
    if (chiron.fence_{n}(m.run, m.worker)).task_id is null then
      refused := chiron.refusal_{n}(m.run, m.worker, false, '{}');
    else
      update {runs} r set claim_expires_at = absurd.current_time() + make_interval(secs => m.lease / 1000) where r.run_id = m.run;
    end if;
    return next;
  end loop;
end $body$, true);

-- Whether these claims still stand; locks and changes nothing.
select chiron.define('held', 'members json', 'table (n integer, refused text)', $body$
declare
  now_at timestamptz := absurd.current_time();
begin
  return query
    select m.n, case when r.state = 'running' and r.claimed_by = m.worker and r.claim_expires_at > now_at then null
                else chiron.refusal_{n}(m.run, m.worker, false, '{}') end
    from json_to_recordset(members) as m(n integer, run uuid, worker text) left join {runs} r on r.run_id = m.run;
end $body$, true);

select chiron.define('release', 'members json, again boolean', 'table (n integer, refused text)', $body$
declare
  m record;
  task uuid;
  now_at timestamptz;
begin
  for m in select * from json_to_recordset(members) as x(n integer, run uuid, worker text, delay double precision) order by x.run, x.n loop
    n := m.n;
    refused := null;
    task := (chiron.fence_{n}(m.run, m.worker)).task_id;
    if task is null then
      refused := chiron.refusal_{n}(m.run, m.worker, again, array['pending', 'running', 'sleeping']);
    else
      now_at := absurd.current_time();
      update {runs} r
      set state = 'pending', claim_expires_at = null, wake_event = null, available_at = chiron.after(now_at, m.delay)
      where r.run_id = m.run;
      update {tasks} t set state = 'pending' where t.task_id = task;
      update chiron.tasks k set updated_at = now_at where k.task_id = task;
    end if;
    return next;
  end loop;
end $body$, true);

select chiron.define('unpark', 'names text[]', 'integer', $body$
declare
  now_at timestamptz := absurd.current_time();
  made integer;
begin
  with due as (
    update {runs} r set available_at = now_at from chiron.tasks k
    where r.state = 'pending' and r.available_at > now_at and k.task_id = r.task_id and k.workflow_name = any (names)
    returning r.task_id
  ), touched as (
    update chiron.tasks k set updated_at = now_at from due where k.task_id = due.task_id
  )
  select count(*) into made from due;
  return made;
end $body$);

create function chiron.unpark(names text[]) returns integer
language plpgsql
set enable_seqscan = off set jit = off set plan_cache_mode = force_generic_plan
as $$
declare
  queue_number integer;
  made integer;
  total integer := 0;
begin
  for queue_number in select number from chiron.queues order by position loop
    execute format('select chiron.unpark_%s($1)', queue_number) into made using names;
    total := total + made;
  end loop;
  return total;
end $$;

select chiron.define('next_due', '', 'timestamptz', $body$
begin
  return least((select r.available_at from {runs} r where r.state = 'pending' order by r.available_at limit 1),
               (select r.available_at from {runs} r where r.state = 'sleeping' order by r.available_at limit 1));
end $body$);

create function chiron.next_due(numbers integer[]) returns double precision
language plpgsql stable
set enable_seqscan = off set jit = off set plan_cache_mode = force_generic_plan
as $$
declare
  queue_number integer;
  first_at timestamptz;
  found_at timestamptz;
begin
  foreach queue_number in array numbers loop
    execute format('select chiron.next_due_%s()', queue_number) into found_at;
    first_at := least(first_at, found_at);
  end loop;
  return chiron.ms(first_at);
end $$;

insert into chiron.migrations (id, name) values (6, 'claims');
commit;
