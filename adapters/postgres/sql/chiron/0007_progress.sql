-- What a claimed run writes, each write behind the fence: checkpoints, the end of an attempt, which code runs it. Members of one run
-- keep their order; runs are taken in the order of their ids, so that two batches never wait for each other.
begin;

-- A name that is there already keeps its first value, which absurd's own call would replace.
select chiron.define('checkpoint', 'members json',
  'table (n integer, refused text, kept_name text, kept_kind text, kept_value text, kept_stored text)', $body$
#variable_conflict use_column
declare
  m record;
  held record;
  number integer;
  now_at timestamptz;
begin
  for m in
    select * from json_to_recordset(members) as x(n integer, run uuid, worker text, name text, value text, fate integer,
      duration double precision, position text, lease double precision) order by x.run, x.n
  loop
    n := m.n;
    refused := null;
    kept_name := null;
    -- The fence, written out: this is the most frequent write of all.
    select r.task_id, r.attempt, r.state, r.claimed_by, r.claim_expires_at into held from {runs} r where r.run_id = m.run for update;
    now_at := absurd.current_time();
    if (held.state = 'running' and held.claimed_by = m.worker and held.claim_expires_at > now_at) is not true then
      refused := chiron.refusal_{n}(m.run, m.worker, false, '{}');
      return next;
      continue;
    end if;
    -- While nine tenths of the lease are left, renewing it would only write the row and its indexes again.
    if held.claim_expires_at < now_at + make_interval(secs => m.lease * 0.9 / 1000) then
      update {runs} r set claim_expires_at = now_at + make_interval(secs => m.lease / 1000) where r.run_id = m.run;
    end if;
    update chiron.tasks k set recorded = k.recorded + 1, updated_at = now_at where k.task_id = held.task_id
    returning k.recorded into number;
    insert into chiron.checkpoints (task_id, name, seq, kind, owner_run_id, attempt, created_at, duration_ms, position, value)
    values (held.task_id, m.name, number, 'step', m.run, held.attempt, now_at, m.duration, m.position, chiron.exact(m.value, m.fate))
    on conflict do nothing;
    if found then
      insert into {checkpoints} (task_id, checkpoint_name, state, status, owner_run_id, updated_at)
      values (held.task_id, m.name, chiron.natural(m.value, m.fate), 'committed', m.run, now_at) on conflict do nothing;
      if not found then
        -- The name stands for something else in absurd's table (a wait that timed out): the value is kept here.
        update chiron.checkpoints c set value = m.value where c.task_id = held.task_id and c.name = m.name;
      end if;
    else
      update chiron.tasks k set recorded = number - 1 where k.task_id = held.task_id;
      select c.name, c.kind, c.value, case when c.value is null then coalesce(a.state::text, 'null') end
      into kept_name, kept_kind, kept_value, kept_stored
      from chiron.checkpoints c
      left join {checkpoints} a on a.task_id = c.task_id and a.checkpoint_name = chiron.stored_name(c.name, c.kind)
      where c.task_id = held.task_id and c.name = m.name;
    end if;
    return next;
  end loop;
end $body$, true);

select chiron.define('complete', 'members json, again boolean', 'table (n integer, refused text)', $body$
declare
  m record;
  task uuid;
begin
  for m in
    select * from json_to_recordset(members) as x(n integer, run uuid, worker text, value text, fate integer) order by x.run, x.n
  loop
    n := m.n;
    refused := null;
    task := (chiron.fence_{n}(m.run, m.worker)).task_id;
    if task is null then
      refused := chiron.refusal_{n}(m.run, m.worker, again, array['completed']);
    else
      perform absurd.complete_run({queue}, m.run, jsonb_build_object(
        'workflow_name', (select k.workflow_name from chiron.tasks k where k.task_id = task), 'run_id', m.run, 'task_id', task,
        'steps', '["python_host"]'::jsonb, 'output', chiron.natural(m.value, m.fate)));
      perform chiron.end_task_{n}(task, m.run, 'completed', m.value, m.fate, null, absurd.current_time());
    end if;
    return next;
  end loop;
end $body$, true);

select chiron.define('fail', 'members json, again boolean',
  'table (n integer, refused text, task_state text, next_run uuid, next_at double precision)', $body$
declare
  m record;
  ended record;
  now_at timestamptz;
begin
  for m in
    select * from json_to_recordset(members) as x(n integer, run uuid, worker text, failure text, fate integer, delay double precision)
    order by x.run, x.n
  loop
    n := m.n;
    refused := null;
    task_state := null;
    next_run := null;
    next_at := null;
    if (chiron.fence_{n}(m.run, m.worker)).task_id is not null then
      now_at := absurd.current_time();
      select * into ended from chiron.fail_locked_{n}(m.run, m.failure, m.fate,
        case when m.delay is not null then chiron.after(now_at, m.delay) end, now_at);
      task_state := ended.task_state;
      next_run := ended.next_run;
      next_at := chiron.ms(ended.next_at);
    else
      refused := chiron.refusal_{n}(m.run, m.worker, again, array['failed']);
      if refused = 'done' then
        select t.state, nullif(r.run_id, m.run), case when r.run_id <> m.run then chiron.ms(r.available_at) end
        into task_state, next_run, next_at
        from {runs} old join {tasks} t on t.task_id = old.task_id join {runs} r on r.run_id = t.last_attempt_run
        where old.run_id = m.run;
      end if;
    end if;
    return next;
  end loop;
end $body$, true);

select chiron.define('stamp', 'members json', 'table (n integer)', $body$
declare
  m record;
  held record;
begin
  for m in select * from json_to_recordset(members) as x(n integer, run uuid, worker text, generation text) order by x.run, x.n loop
    n := m.n;
    select * into held from chiron.fence_{n}(m.run, m.worker);
    if held.attempt = 1 then
      update chiron.tasks k set generation = m.generation where k.task_id = held.task_id;
    elsif held.attempt > 1 then
      insert into chiron.runs as r (run_id, task_id, generation) values (m.run, held.task_id, m.generation)
      on conflict (run_id) do update set generation = excluded.generation;
    end if;
    return next;
  end loop;
end $body$, true);

insert into chiron.migrations (id, name) values (7, 'progress');
commit;
