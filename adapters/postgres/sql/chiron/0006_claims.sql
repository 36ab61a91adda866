-- Taking runs, holding them, giving them back, and ending claims that nobody holds. What a claim finds due it also brings up to date:
-- waits whose deadline has passed become checkpoints before the checkpoints are read.
begin;

-- Ends lapsed claims of one queue as failed attempts; the next attempt is due at once.
create function chiron.expire_queue(q text, failure text, fate integer, max_runs integer)
returns table (run_id uuid, task_id uuid, attempt integer, lease_until timestamptz, task_state text)
language plpgsql as $$
declare
  lapsed record;
  now_at timestamptz := absurd.current_time();
  next_at timestamptz := date_trunc('milliseconds', now_at);
begin
  for lapsed in execute format(
    'select r.run_id, r.task_id, r.attempt, r.claim_expires_at from %s r left join chiron.tasks k using (task_id)
     where r.state = ''running'' and r.claim_expires_at <= $1
     order by chiron.ms(r.claim_expires_at), k.seq limit $2 for update of r skip locked', chiron.relation('r_', q)) using now_at, max_runs
  loop
    -- Due at once, in the order in which they are ended here.
    next_at := least(now_at, next_at + interval '1 microsecond');
    run_id := lapsed.run_id;
    task_id := lapsed.task_id;
    attempt := lapsed.attempt;
    lease_until := lapsed.claim_expires_at;
    select f.task_state into task_state from chiron.fail_locked(q, run_id, failure, fate, next_at, now_at) f;
    return next;
  end loop;
end $$;

-- Brings runs that were claimed a moment ago up to date. Answers those that are Chiron's to run; others are put back.
create function chiron.prepare_claimed(q text, runs uuid[], tasks uuid[], now_at timestamptz) returns uuid[]
language plpgsql as $$
declare
  task uuid;
  place integer;
begin
  if exists (select 1 from unnest(tasks) i where not exists (select 1 from chiron.tasks k where k.task_id = i)) then
    perform chiron.adopt(q, tasks);
    for place in
      select i.place from unnest(tasks) with ordinality as i(task_id, place)
      where not exists (select 1 from chiron.tasks k where k.task_id = i.task_id)
    loop
      -- As Absurd's own workers do with a name they do not know.
      perform absurd.schedule_run(q, runs[place], now_at + make_interval(secs => 15 + 15 * random()));
      runs[place] := null;
    end loop;
  end if;
  for task in
    select k.task_id from chiron.tasks k
    where k.task_id = any (tasks) and (k.recorded > 0 or exists (select 1 from chiron.waits w where w.task_id = k.task_id))
  loop
    perform chiron.catch_up(q, task, now_at);
    perform chiron.lapse(q, task, now_at);
  end loop;
  return array_remove(runs, null);
end $$;

-- What a task has recorded, in order: [name, kind, exact text, text of the jsonb].
create function chiron.recorded(q text, p_task uuid) returns json
language plpgsql stable as $$
declare
  found json;
begin
  execute format(
    'select json_agg(json_build_array(m.name, m.kind, m.value, case when m.value is null then coalesce(c.state::text, ''null'') end)
                     order by m.seq)
     from chiron.checkpoints m
     left join %s c on c.task_id = m.task_id and c.checkpoint_name = chiron.stored_name(m.name, m.kind)
     where m.task_id = $1', chiron.relation('c_', q)) into found using p_task;
  return coalesce(found, '[]');
end $$;

create function chiron.claim(members json, failure text)
returns table (n integer, run_id uuid, task_id uuid, workflow_name text, input text, stored text, attempt integer, max_attempts integer,
               lease_until double precision, harness_type text, due_at double precision, recorded json)
language plpgsql as $$
#variable_conflict use_column
declare
  m record;
  due jsonb;
  runs uuid[];
  tasks uuid[];
  now_at timestamptz;
begin
  for m in select * from json_to_recordset(members) as x(n integer, q text, worker text, lease integer, qty integer) order by x.n loop
    now_at := absurd.current_time();
    -- absurd's claim would do this by itself, but tell nobody.
    perform chiron.expire_queue(m.q, failure, 0, m.qty);
    execute format(
      'select jsonb_object_agg(run_id, chiron.ms(available_at)) from (
         (select run_id, available_at from %1$s where state = ''pending'' and available_at <= $1 order by available_at, run_id limit $2)
         union all
         (select run_id, available_at from %1$s where state = ''sleeping'' and available_at <= $1 order by available_at, run_id limit $2)
       ) x', chiron.relation('r_', m.q)) into due using now_at, 2 * m.qty;
    continue when due is null;
    select array_agg(c.run_id), array_agg(c.task_id) into runs, tasks from absurd.claim_task(m.q, m.worker, m.lease, m.qty) c;
    continue when runs is null;
    return query execute chiron.claimed_query(m.q) using chiron.prepare_claimed(m.q, runs, tasks, now_at), m.n, due, now_at;
  end loop;
end $$;

-- The answer of a claim, and what it leaves in Chiron's own tables. $1 the runs, $2 n, $3 when they were due, $4 now.
create function chiron.claimed_query(q text) returns text
language sql immutable as $$
  select format(
    'with held as (
       select r.run_id, r.task_id, r.attempt, r.claim_expires_at, t.params, t.max_attempts, place
       from unnest($1) with ordinality as u(run_id, place) join %1$s r using (run_id) join %2$s t using (task_id)
     ), touched as (
       update chiron.tasks k set updated_at = $4 from held where k.task_id = held.task_id
     ), later as (
       insert into chiron.runs (run_id, task_id, started_at) select run_id, task_id, $4 from held where attempt > 1
       on conflict (run_id) do update set started_at = coalesce(chiron.runs.started_at, excluded.started_at)
     )
     select $2, held.run_id, held.task_id, k.workflow_name, k.input,
            case when k.input is null then coalesce((held.params -> ''input'')::text, ''null'') end,
            held.attempt, held.max_attempts, chiron.ms(held.claim_expires_at), k.harness_type,
            coalesce(($3 ->> held.run_id::text)::double precision, chiron.ms($4)),
            case when k.recorded > 0 then chiron.recorded(%3$L, held.task_id) else ''[]'' end
     from held join chiron.tasks k on k.task_id = held.task_id
     order by 11, place',
    chiron.relation('r_', q), chiron.relation('t_', q), q)
$$;

-- Which members the fence lets through: run, claim and lease are checked on rows that are locked from here on.
create function chiron.fenced(q text, members json) returns table (n integer, run_id uuid, task_id uuid, attempt integer)
language plpgsql as $$
begin
  perform chiron.lock_runs(q, (select array_agg(x.run) from json_to_recordset(members) as x(run uuid)));
  return query execute format(
    'select m.n, r.run_id, r.task_id, r.attempt from json_to_recordset($1) as m(n integer, run uuid, worker text)
     join %s r on r.run_id = m.run
     where r.state = ''running'' and r.claimed_by = m.worker and r.claim_expires_at > $2
     order by m.n', chiron.relation('r_', q)) using members, absurd.current_time();
end $$;

-- Answers for the members that have none yet: why the fence did not let them through.
create function chiron.refusals(q text, members json, answered integer[], again boolean, done_states text[])
returns table (n integer, refused text)
language sql as $$
  select m.n, chiron.refusal(q, m.run, m.worker, again, done_states)
  from json_to_recordset(members) as m(n integer, run uuid, worker text) where m.n <> all (answered)
$$;

-- One member alone, for what is not done in bulk.
create function chiron.fenced_one(q text, run uuid, worker text, out task_id uuid, out attempt integer)
language plpgsql as $$
begin
  perform chiron.lock_runs(q, array[run]);
  execute format(
    'select task_id, attempt from %s where run_id = $1 and state = ''running'' and claimed_by = $2 and claim_expires_at > $3',
    chiron.relation('r_', q)) into task_id, attempt using run, worker, absurd.current_time();
end $$;

create function chiron.extend(q text, members json) returns table (n integer, refused text)
language plpgsql as $$
declare
  held integer[];
begin
  execute format(
    'with held as materialized (
       select f.n, f.run_id, m.lease from chiron.fenced($1, $2) f
       join json_to_recordset($2) as m(n integer, lease double precision) on m.n = f.n
     ), renewed as (
       update %s r set claim_expires_at = $3 + make_interval(secs => held.lease / 1000) from held where r.run_id = held.run_id
     )
     select coalesce(array_agg(n), ''{}'') from held', chiron.relation('r_', q))
    into held using q, members, absurd.current_time();
  return query select h, null::text from unnest(held) h
    union all select * from chiron.refusals(q, members, held, false, '{}');
end $$;

-- Whether these claims still stand; locks and changes nothing.
create function chiron.held(q text, members json) returns table (n integer, refused text)
language plpgsql stable as $$
begin
  return query execute format(
    'select m.n, case when r.run_id is null then chiron.refusal($3, m.run, m.worker, false, ''{}'') end
     from json_to_recordset($1) as m(n integer, run uuid, worker text)
     left join %s r on r.run_id = m.run and r.state = ''running'' and r.claimed_by = m.worker and r.claim_expires_at > $2',
    chiron.relation('r_', q)) using members, absurd.current_time(), q;
end $$;

create function chiron.release(q text, members json, again boolean) returns table (n integer, refused text)
language plpgsql as $$
declare
  m record;
  held record;
  now_at timestamptz;
begin
  perform chiron.lock_runs(q, (select array_agg(x.run) from json_to_recordset(members) as x(run uuid)));
  for m in select * from json_to_recordset(members) as x(n integer, run uuid, worker text, delay double precision) order by x.n loop
    n := m.n;
    refused := null;
    select * into held from chiron.fenced_one(q, m.run, m.worker);
    if held.task_id is null then
      refused := chiron.refusal(q, m.run, m.worker, again, array['pending', 'running', 'sleeping']);
    else
      now_at := absurd.current_time();
      execute format(
        'with given as (
           update %s set state = ''pending'', claim_expires_at = null, wake_event = null, available_at = $2 where run_id = $1
           returning task_id
         )
         update %s t set state = ''pending'' from given where t.task_id = given.task_id',
        chiron.relation('r_', q), chiron.relation('t_', q)) using m.run, chiron.after(now_at, m.delay);
      update chiron.tasks k set updated_at = now_at where k.task_id = held.task_id;
    end if;
    return next;
  end loop;
end $$;

create function chiron.unpark(names text[]) returns integer
language plpgsql as $$
declare
  q text;
  now_at timestamptz := absurd.current_time();
  made integer;
  total integer := 0;
begin
  for q in select queue from chiron.queues order by position loop
    execute format(
      'with due as (
         update %s r set available_at = $2 from chiron.tasks k
         where r.state = ''pending'' and r.available_at > $2 and k.task_id = r.task_id and k.workflow_name = any ($1)
         returning r.task_id
       ), touched as (
         update chiron.tasks k set updated_at = $2 from due where k.task_id = due.task_id
       )
       select count(*) from due', chiron.relation('r_', q)) into made using names, now_at;
    total := total + made;
  end loop;
  return total;
end $$;

create function chiron.next_due(queues text[]) returns double precision
language plpgsql stable as $$
declare
  q text;
  first_at timestamptz;
  found_at timestamptz;
begin
  foreach q in array queues loop
    execute format(
      'select least((select available_at from %1$s where state = ''pending'' order by available_at limit 1),
                    (select available_at from %1$s where state = ''sleeping'' order by available_at limit 1))', chiron.relation('r_', q))
      into found_at;
    first_at := least(first_at, found_at);
  end loop;
  return chiron.ms(first_at);
end $$;

insert into chiron.migrations (id, name) values (6, 'claims');
commit;
