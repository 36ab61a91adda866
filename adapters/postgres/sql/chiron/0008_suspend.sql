-- Going to sleep on waits. A wait that is over already is answered at once, so that no event between the handler's question and its
-- sleep is lost; every wait is on record before the run's claim is gone, and keeps its first deadline.
begin;

-- Takes what an emit or a task's end must own: the event rows shared (made first, as a mark that somebody waits), then the awaited
-- tasks. All in one order, and before any run.
create function chiron.lock_targets(q text, members json) returns void
language plpgsql as $$
declare
  names text[];
  ids text[];
begin
  select array_agg(distinct w.target) filter (where w.kind = 'event'), array_agg(distinct w.target) filter (where w.kind = 'task')
  into names, ids
  from json_to_recordset(members) as m(waits json), json_to_recordset(m.waits) as w(kind text, target text);
  if names is not null then
    execute format('insert into %s (event_name, payload, emitted_at) select i, null, ''epoch'' from unnest($1) i order by i
      on conflict do nothing', chiron.relation('e_', q)) using names;
    execute format('select 1 from %s where event_name = any ($1) order by event_name for share', chiron.relation('e_', q)) using names;
  end if;
  if ids is not null then
    perform 1 from chiron.tasks k where k.task_id in (
      select i::uuid from unnest(ids) i where i ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$')
      order by k.task_id for share;
  end if;
end $$;

-- How a wait has ended already; null while it has not. What happened counts before what ran out.
create function chiron.wait_result(
  q text, kind text, target text, deadline_ms double precision, iso text, now_at timestamptz,
  out result_kind text, out value text, out fate integer
)
language plpgsql as $$
begin
  if kind = 'event' and target is not null then
    select e.value, e.fate into value, fate from chiron.event_value(q, target) e;
  elsif kind = 'task' and target is not null then
    value := chiron.outcome(target);
    fate := chiron.outcome_fate(value);
  end if;
  if value is not null then
    result_kind := kind;
  elsif deadline_ms <= chiron.ms(now_at) then
    result_kind := case kind when 'sleep' then 'sleep' else 'timeout' end;
    value := case kind when 'sleep' then to_json(coalesce(iso, chiron.iso(chiron.at(deadline_ms))))::text else 'null' end;
    fate := 0;
  end if;
end $$;

-- One wait of a run that is held: its recorded result as [name, kind, exact text, text of the jsonb], or the deadline it goes on with.
create function chiron.look_at_wait(q text, task uuid, wait json, now_at timestamptz, out result json, out deadline_ms double precision)
language plpgsql as $$
declare
  w record;
  noted record;
  ended record;
begin
  select * into w from json_to_record(wait)
    as x(step text, kind text, target text, delay double precision, until double precision, iso text);
  execute format(
    'select json_build_array(m.name, m.kind, m.value, case when m.value is null then coalesce(c.state::text, ''null'') end)
     from chiron.checkpoints m left join %s c on c.task_id = m.task_id and c.checkpoint_name = chiron.stored_name(m.name, m.kind)
     where m.task_id = $1 and m.name = $2', chiron.relation('c_', q)) into result using task, w.step;
  if result is not null then
    return;
  end if;
  select * into noted from chiron.waits where task_id = task and step = w.step;
  deadline_ms := case when noted.step is not null then chiron.ms(noted.deadline_at) else coalesce(w.until, chiron.ms(now_at) + w.delay) end;
  select * into ended from chiron.wait_result(q, w.kind, w.target, deadline_ms, case when noted.step is null then w.iso end, now_at);
  if ended.value is not null then
    perform chiron.settle(q, task, w.step, ended.result_kind, ended.value, ended.fate, now_at);
    result := json_build_array(w.step, ended.result_kind, ended.value, null);
    return;
  end if;
  insert into chiron.waits as old (task_id, step, queue, kind, target, deadline_at, created_at)
  values (task, w.step, q, w.kind, w.target, chiron.at(deadline_ms), now_at)
  on conflict (task_id, step) do update set kind = excluded.kind, target = excluded.target;
end $$;

-- The run gives its claim up and sleeps; absurd's table of waits gets its events, for emits by other programs.
create function chiron.put_to_sleep(q text, run uuid, task uuid, wake_ms double precision, now_at timestamptz) returns void
language plpgsql as $$
begin
  execute format('delete from %s where run_id = $1', chiron.relation('w_', q)) using run;
  execute format(
    'insert into %s (task_id, run_id, step_name, event_name, timeout_at, created_at)
     select task_id, $1, step, target, deadline_at, created_at from chiron.waits
     where task_id = $2 and kind = ''event'' and target is not null', chiron.relation('w_', q)) using run, task;
  execute format(
    'with slept as (
       update %s set state = ''sleeping'', claim_expires_at = null, available_at = $2, event_payload = null,
         wake_event = (select target from chiron.waits where task_id = $3 and kind = ''event'' order by created_at, step limit 1)
       where run_id = $1
     )
     update %s set state = ''sleeping'' where task_id = $3', chiron.relation('r_', q), chiron.relation('t_', q))
    using run, coalesce(chiron.at(wake_ms), 'infinity'), task;
  update chiron.tasks k set updated_at = now_at where k.task_id = task;
end $$;

create function chiron.suspend(q text, members json, again boolean)
returns table (n integer, refused text, resolved json, wake_at double precision)
language plpgsql as $$
declare
  m record;
  held record;
  seen record;
  wait json;
  now_at timestamptz;
begin
  perform chiron.lock_targets(q, members);
  perform chiron.lock_runs(q, (select array_agg(x.run) from json_to_recordset(members) as x(run uuid)));
  for m in select * from json_to_recordset(members) as x(n integer, run uuid, worker text, waits json) order by x.n loop
    n := m.n;
    refused := null;
    resolved := null;
    wake_at := null;
    select * into held from chiron.fenced_one(q, m.run, m.worker);
    if held.task_id is null then
      refused := chiron.refusal(q, m.run, m.worker, again, array['sleeping', 'pending']);
      if refused = 'done' then
        execute format('select chiron.ms(available_at) from %s where run_id = $1', chiron.relation('r_', q)) into wake_at using m.run;
      end if;
    else
      now_at := absurd.current_time();
      for wait in select value from json_array_elements(m.waits) loop
        select * into seen from chiron.look_at_wait(q, held.task_id, wait, now_at);
        if seen.result is not null then
          resolved := (coalesce(resolved::jsonb, '[]') || jsonb_build_array(seen.result))::json;
        else
          wake_at := least(wake_at, seen.deadline_ms);
        end if;
      end loop;
      if resolved is null then
        perform chiron.put_to_sleep(q, m.run, held.task_id, wake_at, now_at);
      end if;
    end if;
    return next;
  end loop;
end $$;

insert into chiron.migrations (id, name) values (8, 'suspend');
commit;
