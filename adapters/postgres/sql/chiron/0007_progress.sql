-- What a claimed run writes, each write behind the fence: checkpoints, the end of an attempt, which code runs it. Checkpoints and
-- completions, the most frequent writes, are one statement for all members of a queue.
begin;

-- One queue's checkpoints, of runs that are locked and fenced. $1 members, $2 those the fence let through as [{n, run_id, task_id,
-- attempt}], $3 now. A name that is there already keeps its first value, also within the batch.
create function chiron.checkpoint_query(q text) returns text
language sql immutable as $$
  select format(
    'with m as (
       select x.*, f.task_id, f.attempt, row_number() over (partition by f.task_id, x.name order by x.n) as turn
       from json_to_recordset($2) as f(n integer, task_id uuid, attempt integer)
       join json_to_recordset($1) as x(n integer, run uuid, name text, value text, fate integer, duration double precision, position text,
                                       lease double precision) on x.n = f.n
     ), seen as (
       select m.*, e.name is not null as earlier from m left join chiron.checkpoints e on e.task_id = m.task_id and e.name = m.name
     ), fresh as (
       select seen.*, k.recorded + row_number() over (partition by seen.task_id order by seen.n) as seq
       from seen join chiron.tasks k on k.task_id = seen.task_id where turn = 1 and not earlier
     ), put as (
       insert into %1$s (task_id, checkpoint_name, state, status, owner_run_id, updated_at)
       select task_id, name, chiron.natural(value, fate), ''committed'', run, $3 from fresh
       on conflict do nothing returning task_id, checkpoint_name
     ), noted as (
       -- Where the name was taken in absurd''s table (by a timed-out wait), the value is kept here.
       insert into chiron.checkpoints (task_id, name, seq, kind, owner_run_id, attempt, created_at, duration_ms, position, value)
       select f.task_id, f.name, f.seq, ''step'', f.run, f.attempt, $3, f.duration, f.position,
              case when f.fate > 0 or put.task_id is null then f.value end
       from fresh f left join put on put.task_id = f.task_id and put.checkpoint_name = f.name
     ), counted as (
       update chiron.tasks k set recorded = k.recorded + x.new, updated_at = $3
       from (select m.task_id, (select count(*) from fresh where fresh.task_id = m.task_id) as new from m group by m.task_id) x
       where k.task_id = x.task_id
     ), leased as (
       update %2$s r set claim_expires_at = $3 + make_interval(secs => x.lease / 1000)
       from (select distinct on (run) run, lease from m order by run, n desc) x where r.run_id = x.run
     )
     select s.n, (s.turn > 1 or s.earlier) as kept, s.name, s.task_id from seen s', chiron.relation('c_', q), chiron.relation('r_', q))
$$;

create function chiron.checkpoint(q text, members json)
returns table (n integer, refused text, kept_name text, kept_kind text, kept_value text, kept_stored text)
language plpgsql as $$
#variable_conflict use_column
declare
  let_through json;
  written record;
  answered integer[] := '{}';
begin
  select json_agg(f) into let_through from chiron.fenced(q, members) f;
  if let_through is not null then
    perform 1 from chiron.tasks k where k.task_id in (select x.task_id from json_to_recordset(let_through) as x(task_id uuid))
      order by k.task_id for update;
    for written in execute chiron.checkpoint_query(q) using members, let_through, absurd.current_time() loop
      n := written.n;
      answered := answered || written.n;
      kept_name := null;
      if written.kept then
        execute format(
          'select m.name, m.kind, m.value, case when m.value is null then coalesce(c.state::text, ''null'') end
           from chiron.checkpoints m left join %s c
             on c.task_id = m.task_id and c.checkpoint_name = chiron.stored_name(m.name, m.kind)
           where m.task_id = $1 and m.name = $2', chiron.relation('c_', q))
          into kept_name, kept_kind, kept_value, kept_stored using written.task_id, written.name;
      end if;
      return next;
    end loop;
  end if;
  return query select r.n, r.refused, null::text, null::text, null::text, null::text
    from chiron.refusals(q, members, answered, false, '{}') r;
end $$;

create function chiron.complete_query(q text) returns text
language sql immutable as $$
  select format(
    'with m as (
       select distinct on (f.run_id) f.n, f.run_id, f.task_id, x.value, x.fate
       from json_to_recordset($2) as f(n integer, run_id uuid, task_id uuid)
       join json_to_recordset($1) as x(n integer, value text, fate integer) on x.n = f.n
       order by f.run_id, f.n
     ), paid as (
       select m.*, jsonb_build_object(''workflow_name'', k.workflow_name, ''run_id'', m.run_id, ''task_id'', m.task_id,
         ''steps'', ''["python_host"]''::jsonb, ''output'', chiron.natural(m.value, m.fate)) as payload
       from m join chiron.tasks k on k.task_id = m.task_id
     ), runs as (
       update %1$s r set state = ''completed'', completed_at = $3, result = paid.payload, claim_expires_at = null, wake_event = null
       from paid where r.run_id = paid.run_id
     ), tasks as (
       update %2$s t set state = ''completed'', completed_payload = paid.payload from paid where t.task_id = paid.task_id
     ), ours as (
       update chiron.tasks k set ended = ''completed'', finished_at = $3, updated_at = $3, output = chiron.exact(m.value, m.fate)
       from m where k.task_id = m.task_id
     ), event_waits as (
       delete from %3$s w using m where w.task_id = m.task_id
     ), waits as (
       delete from chiron.waits w using m where w.task_id = m.task_id
     )
     select n, run_id, task_id, value from m', chiron.relation('r_', q), chiron.relation('t_', q), chiron.relation('w_', q))
$$;

create function chiron.complete(q text, members json, again boolean) returns table (n integer, refused text)
language plpgsql as $$
declare
  let_through json;
  ended record;
  outcome text;
  answered integer[] := '{}';
  now_at timestamptz;
begin
  select json_agg(f) into let_through from chiron.fenced(q, members) f;
  now_at := absurd.current_time();
  for ended in execute chiron.complete_query(q) using members, coalesce(let_through, '[]'), now_at loop
    n := ended.n;
    answered := answered || ended.n;
    return next;
    -- Its own statement, so that it sees the waits that were noted while the one above waited for its locks.
    if exists (select 1 from chiron.waits w where w.target = ended.task_id::text and w.kind = 'task') then
      outcome := chiron.outcome_text(ended.task_id, ended.run_id, 'completed', ended.value, null);
      perform chiron.resolve('task', ended.task_id::text, outcome, chiron.outcome_fate(outcome), now_at);
    end if;
  end loop;
  return query select * from chiron.refusals(q, members, answered, again, array['completed']);
end $$;

create function chiron.fail(q text, members json, again boolean)
returns table (n integer, refused text, task_state text, next_run uuid, next_at double precision)
language plpgsql as $$
declare
  m record;
  held record;
  ended record;
  now_at timestamptz;
begin
  perform chiron.lock_runs(q, (select array_agg(x.run) from json_to_recordset(members) as x(run uuid)));
  for m in
    select * from json_to_recordset(members) as x(n integer, run uuid, worker text, failure text, fate integer, delay double precision)
    order by x.n
  loop
    n := m.n;
    refused := null;
    task_state := null;
    next_run := null;
    next_at := null;
    select * into held from chiron.fenced_one(q, m.run, m.worker);
    if held.task_id is null then
      refused := chiron.refusal(q, m.run, m.worker, again, array['failed']);
      if refused = 'done' then
        execute format(
          'select t.state, nullif(r.run_id, $1), case when r.run_id <> $1 then chiron.ms(r.available_at) end
           from %1$s old join %2$s t on t.task_id = old.task_id join %1$s r on r.run_id = t.last_attempt_run where old.run_id = $1',
          chiron.relation('r_', q), chiron.relation('t_', q)) into task_state, next_run, next_at using m.run;
      end if;
    else
      now_at := absurd.current_time();
      select * into ended from chiron.fail_locked(q, m.run, m.failure, m.fate,
        case when m.delay is not null then chiron.after(now_at, m.delay) end, now_at);
      task_state := ended.task_state;
      next_run := ended.next_run;
      next_at := chiron.ms(ended.next_at);
    end if;
    return next;
  end loop;
end $$;

create function chiron.stamp(q text, members json) returns table (n integer)
language sql as $$
  with held as (
    select f.n, f.run_id, f.task_id, x.generation
    from chiron.fenced(q, members) f join json_to_recordset(members) as x(n integer, generation text) on x.n = f.n
  ), noted as (
    insert into chiron.runs (run_id, task_id, generation)
    select distinct on (run_id) run_id, task_id, generation from held order by run_id, n desc
    on conflict (run_id) do update set generation = excluded.generation
  )
  select held.n from held
$$;

insert into chiron.migrations (id, name) values (7, 'progress');
commit;
