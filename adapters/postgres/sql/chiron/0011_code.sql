-- Source files by content, and which of them each generation of the code consists of; and the generation that a task is pinned to.
begin;

-- dirs, files (path -> sha256) and workflows (name -> path) are JSON texts.
create table chiron.generations (
  id              text primary key,
  dirs            text not null,
  files           text not null,
  workflows       text not null,
  chiron_version  text not null,
  python_version  text not null,
  first_served_at timestamptz not null,
  last_served_at  timestamptz not null
);

-- Raw deflate, or the content itself where packed has its size.
create table chiron.sources (
  sha256    text primary key,
  size      integer not null,
  stored_at timestamptz not null,
  packed    bytea not null
);
alter table chiron.sources alter column packed set storage external;

-- The generation that the first attempt began on. (generation is what ran the first attempt last.)
alter table chiron.tasks add column pinned text;
update chiron.tasks set pinned = generation where ended is null and generation is not null;

-- Keeps sources and, when all of its content is here then, the generation. Answers what is missing. Nothing is forgotten meanwhile.
create function chiron.record_code(code json, added json) returns text[] language plpgsql as $$
declare
  now_at timestamptz := absurd.current_time();
  missing text[];
begin
  lock table chiron.generations in share row exclusive mode;
  insert into chiron.sources (sha256, size, stored_at, packed)
  select sha256, size, now_at, decode(packed, 'base64') from json_to_recordset(added) as x(sha256 text, size integer, packed text)
  on conflict do nothing;
  select array_agg(distinct f.value) into missing from json_each_text(code -> 'files') f
  where not exists (select 1 from chiron.sources s where s.sha256 = f.value);
  if missing is not null then
    return missing;
  end if;
  insert into chiron.generations (id, dirs, files, workflows, chiron_version, python_version, first_served_at, last_served_at)
  values (code ->> 'id', code ->> 'dirs', code ->> 'files', code ->> 'workflows', code ->> 'chiron', code ->> 'python', now_at, now_at)
  on conflict (id) do update set last_served_at = now_at;
  return '{}';
end $$;

-- How many attempts ran on each generation last, and how many unfinished tasks are pinned to it.
create function chiron.code_uses() returns table (id text, runs bigint, unfinished bigint) language sql stable as $$
  select u.id, sum(u.run), sum(u.pin) from (
    select generation as id, 1 as run, 0 as pin from chiron.tasks where generation is not null
    union all
    select generation, 1, 0 from chiron.runs where generation is not null
    union all
    select pinned, 0, 1 from chiron.tasks where ended is null and pinned is not null) u
  group by u.id
$$;

create function chiron.prune_code(serving text[], idle_s double precision, out generations integer, out sources integer, out missing text[])
language plpgsql as $$
declare
  now_at timestamptz := absurd.current_time();
  before_at timestamptz := now_at - make_interval(secs => idle_s);
begin
  lock table chiron.generations in share row exclusive mode;
  update chiron.generations g set last_served_at = now_at where g.id = any (serving);
  select coalesce(array_agg(s), '{}') into missing from unnest(serving) s
  where not exists (select 1 from chiron.generations g where g.id = s);
  generations := 0;
  sources := 0;
  -- Nearly always there is none, and then nothing else is looked at.
  if not exists (select 1 from chiron.generations g where g.last_served_at < before_at) then
    return;
  end if;
  delete from chiron.generations g
  where g.last_served_at < before_at and g.id not in (select u.id from chiron.code_uses() u);
  get diagnostics generations = row_count;
  if generations = 0 then
    return;
  end if;
  -- With it goes what an interrupted recording left behind: looking for that alone is not worth the time.
  delete from chiron.sources s
  where s.stored_at < before_at
    and s.sha256 not in (select f.value from chiron.generations g, json_each_text(g.files::json) f);
  get diagnostics sources = row_count;
end $$;

-- As in 0006, and pins: a task that is claimed the first time to the claim's generation, for good. keep: what is claimed will run on its
-- pinned generation, so that one is noted.
select chiron.define('claim', 'worker text, lease_s integer, qty integer, code text, keep boolean, failure text',
  'table (run_id uuid, task_id uuid, workflow_name text, input text, stored text, attempt integer, max_attempts integer,
          lease_until double precision, harness_type text, pinned text, due_at double precision, recorded json)', $body$
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
  set updated_at = now_at, pinned = coalesce(k.pinned, code),
      generation = case when r.attempt = 1 then coalesce(case when keep then k.pinned end, code, k.generation) else k.generation end
  from {runs} r where r.run_id = any (runs) and k.task_id = r.task_id;
  insert into chiron.runs as x (run_id, task_id, started_at, generation)
  select r.run_id, r.task_id, now_at, coalesce(case when keep then k.pinned end, code)
  from {runs} r join chiron.tasks k on k.task_id = r.task_id where r.run_id = any (runs) and r.attempt > 1
  on conflict (run_id) do update
  set started_at = coalesce(x.started_at, excluded.started_at), generation = coalesce(excluded.generation, x.generation);
  return query
    select r.run_id, r.task_id, k.workflow_name, k.input,
           case when k.input is null then coalesce((t.params -> 'input')::text, 'null') end,
           r.attempt, t.max_attempts, chiron.ms(r.claim_expires_at), k.harness_type, k.pinned, chiron.ms(coalesce(d.due_at, now_at)),
           case when k.recorded > 0 then chiron.recorded_{n}(r.task_id) else '[]' end
    from unnest(runs) with ordinality as u(run_id, place)
    join {runs} r on r.run_id = u.run_id join {tasks} t on t.task_id = r.task_id join chiron.tasks k on k.task_id = r.task_id
    left join unnest(due, due_ats) as d(run_id, due_at) on d.run_id = u.run_id
    order by d.due_at, u.place;
end $body$, true);

drop function chiron.claim(json, text);
create function chiron.claim(members json, failure text)
returns table (n integer, run_id uuid, task_id uuid, workflow_name text, input text, stored text, attempt integer, max_attempts integer,
               lease_until double precision, harness_type text, pinned text, due_at double precision, recorded json)
language plpgsql
set enable_seqscan = off set jit = off set plan_cache_mode = force_generic_plan
as $$
declare
  m record;
begin
  for m in
    select * from json_to_recordset(members)
      as x(n integer, q integer, worker text, lease integer, qty integer, code text, keep boolean) order by x.n
  loop
    return query execute format('select $1, c.* from chiron.claim_%s($2, $3, $4, $5, $6, $7) c', m.q)
      using m.n, m.worker, m.lease, m.qty, m.code, coalesce(m.keep, false), failure;
  end loop;
end $$;

-- As in 0006; unpin: nothing ran under this claim, and the task is pinned to nothing again.
select chiron.define('release', 'members json, again boolean', 'table (n integer, refused text)', $body$
declare
  m record;
  task uuid;
  now_at timestamptz;
begin
  for m in
    select * from json_to_recordset(members) as x(n integer, run uuid, worker text, delay double precision, unpin boolean) order by x.run, x.n
  loop
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
      update chiron.tasks k set updated_at = now_at, pinned = case when m.unpin then null else k.pinned end where k.task_id = task;
    end if;
    return next;
  end loop;
end $body$, true);

-- As in 0007; pin: the task is pinned to it from now on.
select chiron.define('stamp', 'members json', 'table (n integer)', $body$
declare
  m record;
  held record;
begin
  for m in
    select * from json_to_recordset(members) as x(n integer, run uuid, worker text, generation text, pin boolean) order by x.run, x.n
  loop
    n := m.n;
    select * into held from chiron.fence_{n}(m.run, m.worker);
    if held.task_id is not null and (held.attempt = 1 or m.pin) then
      update chiron.tasks k
      set generation = case when held.attempt = 1 then m.generation else k.generation end,
          pinned = case when m.pin then m.generation else k.pinned end
      where k.task_id = held.task_id;
    end if;
    if held.attempt > 1 then
      insert into chiron.runs as r (run_id, task_id, generation) values (m.run, held.task_id, m.generation)
      on conflict (run_id) do update set generation = excluded.generation;
    end if;
    return next;
  end loop;
end $body$, true);

-- As in 0005; unpin: the new attempt runs on whatever code serves then.
create or replace function chiron.retry(members json) returns table (n integer, run_id uuid, attempt integer, refused text)
language plpgsql
set enable_seqscan = off set jit = off set plan_cache_mode = force_generic_plan
as $$
declare
  m record;
  queue_number integer;
begin
  for m in select * from json_to_recordset(members) as x(n integer, task uuid, unpin boolean) order by x.task, x.n loop
    n := m.n;
    run_id := null;
    attempt := null;
    refused := 'not_found';
    queue_number := (chiron.find_task(m.task)).number;
    if queue_number is not null then
      execute format('select * from chiron.retry_%s($1)', queue_number) into run_id, attempt, refused using m.task;
      if m.unpin and refused is null then
        update chiron.tasks k set pinned = null where k.task_id = m.task;
      end if;
    end if;
    return next;
  end loop;
end $$;

insert into chiron.migrations (id, name) values (11, 'code');
commit;
