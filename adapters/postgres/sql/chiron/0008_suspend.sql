-- Going to sleep on waits. A wait that is over already is answered at once, so that no event between the handler's question and its
-- sleep is lost; every wait is on record before the run's claim is gone, and keeps its first deadline.
begin;

-- Takes what an emit or a task's end must own: the event rows shared (made first, as a mark that somebody waits), then the awaited
-- tasks. All in one order, and before any run.
select chiron.define('lock_targets', 'members json', 'void', $body$
declare
  names text[];
  ids text[];
begin
  select array_agg(distinct w.target) filter (where w.kind = 'event' and w.target is not null),
         array_agg(distinct w.target) filter (where w.kind = 'task' and w.target is not null)
  into names, ids
  from json_to_recordset(members) as m(waits json), json_to_recordset(m.waits) as w(kind text, target text);
  if names is not null then
    insert into {events} (event_name, payload, emitted_at) select i, null, 'epoch' from unnest(names) i order by i on conflict do nothing;
    perform 1 from {events} e where e.event_name = any (names) order by e.event_name for share;
  end if;
  if ids is not null then
    perform 1 from chiron.tasks k where k.task_id = any (array(
      select i::uuid from unnest(ids) i where i ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'))
    order by k.task_id for share;
  end if;
end $body$);

-- How a wait has ended already; null while it has not. What happened counts before what ran out.
select chiron.define('wait_result',
  'kind text, target text, deadline_ms double precision, iso text, now_at timestamptz,
   out result_kind text, out value text, out fate integer', 'record', $body$
begin
  if kind = 'event' and target is not null then
    select e.value, e.fate into value, fate from chiron.event_value_{n}(target) e;
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
end $body$);

-- One wait of a run that is held: its recorded result as [name, kind, exact text, text of the jsonb], or the deadline it goes on with.
select chiron.define('look_at_wait', 'task uuid, wait json, now_at timestamptz, out result json, out deadline_ms double precision',
  'record', $body$
declare
  w record;
  noted record;
  ended record;
  -- As far as a Date reaches.
  end_of_time constant double precision := 8.64e15;
begin
  select * into w from json_to_record(wait)
    as x(step text, kind text, target text, delay double precision, until double precision, iso text);
  select json_build_array(m.name, m.kind, m.value, case when m.value is null then coalesce(c.state::text, 'null') end) into result
  from chiron.checkpoints m
  left join {checkpoints} c on c.task_id = m.task_id and c.checkpoint_name = chiron.stored_name(m.name, m.kind)
  where m.task_id = task and m.name = w.step;
  if result is not null then
    return;
  end if;
  select n.step, n.deadline_at into noted from chiron.waits n where n.task_id = task and n.step = w.step;
  if found then
    deadline_ms := chiron.ms(noted.deadline_at);
  else
    deadline_ms := case when w.until is null and w.delay is null then null
                   else least(end_of_time, coalesce(w.until, chiron.ms(now_at) + w.delay)) end;
  end if;
  select * into ended from chiron.wait_result_{n}(w.kind, w.target, deadline_ms, case when noted.step is null then w.iso end, now_at);
  if ended.value is not null then
    perform chiron.settle_{n}(task, w.step, ended.result_kind, ended.value, ended.fate, now_at);
    result := json_build_array(w.step, ended.result_kind, ended.value, null);
    return;
  end if;
  insert into chiron.waits as old (task_id, step, queue, kind, target, deadline_at, created_at)
  values (task, w.step, {queue}, w.kind, w.target, chiron.at(deadline_ms), now_at)
  on conflict (task_id, step) do update set kind = excluded.kind, target = excluded.target;
end $body$);

-- The run gives its claim up and sleeps; absurd's table of waits gets its events, for emits by other programs.
select chiron.define('put_to_sleep', 'run uuid, task uuid, wake_ms double precision, now_at timestamptz', 'void', $body$
begin
  delete from {waits} w where w.run_id = run;
  insert into {waits} (task_id, run_id, step_name, event_name, timeout_at, created_at)
  select w.task_id, run, w.step, w.target, w.deadline_at, w.created_at from chiron.waits w
  where w.task_id = task and w.kind = 'event' and w.target is not null;
  update {runs} r
  set state = 'sleeping', claim_expires_at = null, available_at = coalesce(chiron.at(wake_ms), 'infinity'), event_payload = null,
      wake_event = (select w.target from chiron.waits w where w.task_id = task and w.kind = 'event' order by w.created_at, w.step limit 1)
  where r.run_id = run;
  update {tasks} t set state = 'sleeping' where t.task_id = task;
  update chiron.tasks k set updated_at = now_at where k.task_id = task;
end $body$);

select chiron.define('suspend', 'members json, again boolean',
  'table (n integer, refused text, resolved json, wake_at double precision)', $body$
declare
  m record;
  task uuid;
  seen record;
  wait json;
  ended json[];
  now_at timestamptz;
begin
  perform chiron.lock_targets_{n}(members);
  for m in select * from json_to_recordset(members) as x(n integer, run uuid, worker text, waits json) order by x.run, x.n loop
    n := m.n;
    refused := null;
    resolved := null;
    wake_at := null;
    task := (chiron.fence_{n}(m.run, m.worker)).task_id;
    if task is null then
      refused := chiron.refusal_{n}(m.run, m.worker, again, array['sleeping', 'pending']);
      if refused = 'done' then
        select chiron.ms(r.available_at) into wake_at from {runs} r where r.run_id = m.run;
      end if;
      return next;
      continue;
    end if;
    now_at := absurd.current_time();
    ended := '{}';
    for wait in select w.value from json_array_elements(m.waits) w loop
      select * into seen from chiron.look_at_wait_{n}(task, wait, now_at);
      if seen.result is not null then
        ended := ended || seen.result;
      else
        wake_at := least(wake_at, seen.deadline_ms);
      end if;
    end loop;
    if cardinality(ended) = 0 then
      perform chiron.put_to_sleep_{n}(m.run, task, wake_at, now_at);
    else
      resolved := array_to_json(ended);
    end if;
    return next;
  end loop;
end $body$, true);

insert into chiron.migrations (id, name) values (8, 'suspend');
commit;
