-- What nobody else tells Chiron: claims that nobody holds any more, and what other programs did to tasks past it.
begin;

-- Ends lapsed claims of all queues, then looks for what happened outside.
create function chiron.expire(failure text, fate integer, max_runs integer)
returns table (run_id uuid, task_id uuid, queue text, workflow_name text, attempt integer, task_state text)
language plpgsql as $$
declare
  q text;
  left_over integer := max_runs;
  ended record;
begin
  for q in select s.queue from chiron.queues s order by s.position loop
    exit when left_over <= 0;
    for ended in
      select e.*, k.workflow_name from chiron.expire_queue(q, failure, fate, left_over) e left join chiron.tasks k on k.task_id = e.task_id
      order by chiron.ms(e.lease_until), k.seq
    loop
      left_over := left_over - 1;
      run_id := ended.run_id;
      task_id := ended.task_id;
      queue := q;
      attempt := ended.attempt;
      task_state := ended.task_state;
      workflow_name := ended.workflow_name;
      return next;
    end loop;
    perform chiron.sweep_queue(q);
  end loop;
end $$;

-- Tasks that other programs spawned, ended, started again or removed, and events that they emitted past Chiron. Looks at unfinished
-- tasks only.
create function chiron.sweep_queue(q text) returns void
language plpgsql as $$
declare
  seen record;
  ids uuid[];
  now_at timestamptz := absurd.current_time();
begin
  execute format(
    'select array_agg(r.task_id) from %s r
     where r.state in (''pending'', ''running'', ''sleeping'') and not exists (select 1 from chiron.tasks k where k.task_id = r.task_id)',
    chiron.relation('r_', q)) into ids;
  if ids is not null then
    perform chiron.adopt(q, ids);
  end if;
  execute format(
    'update chiron.tasks k set ended = null, finished_at = null, output = null from %s r
     where r.task_id = k.task_id and r.state in (''pending'', ''running'', ''sleeping'') and k.ended is not null', chiron.relation('r_', q));
  for seen in execute format(
    'select k.task_id, t.state, r.run_id, coalesce(r.completed_at, r.failed_at, t.cancelled_at, $2) as at,
            chiron.compact(t.completed_payload -> ''output'') as output, chiron.compact(r.failure_reason) as failure
     from chiron.tasks k left join %s t on t.task_id = k.task_id left join %s r on r.run_id = t.last_attempt_run
     where k.queue = $1 and k.ended is null and (t.task_id is null or t.state in (''completed'', ''failed'', ''cancelled''))
     order by k.task_id', chiron.relation('t_', q), chiron.relation('r_', q)) using q, now_at
  loop
    perform chiron.hold_task(q, seen.task_id);
    -- Whoever ended it may have told Chiron meanwhile.
    continue when not exists (select 1 from chiron.tasks k where k.task_id = seen.task_id and k.ended is null);
    if seen.state is null then
      perform chiron.delete_tasks(q, array[seen.task_id]);
    else
      perform chiron.end_task(q, seen.task_id, seen.run_id, seen.state, seen.output, 0, seen.failure, seen.at);
    end if;
  end loop;
  for seen in execute format(
    'select w.target, e.payload from chiron.waits w join %s e on e.event_name = w.target
     where w.queue = $1 and w.kind = ''event'' and e.payload is not null group by 1, 2', chiron.relation('e_', q)) using q
  loop
    perform chiron.resolve_in(q, seen.target, chiron.compact(seen.payload), now_at);
  end loop;
end $$;

-- An event that reached one queue only ends the waits of that queue.
create function chiron.resolve_in(q text, p_target text, value text, now_at timestamptz) returns void
language plpgsql as $$
declare
  waiter record;
begin
  for waiter in
    select w.task_id, w.step from chiron.waits w where w.queue = q and w.target = p_target and w.kind = 'event' order by 1, 2
  loop
    perform chiron.hold_task(q, waiter.task_id);
    perform chiron.settle(q, waiter.task_id, waiter.step, 'event', value, 0, now_at);
    perform chiron.wake(q, waiter.task_id, now_at);
  end loop;
end $$;

insert into chiron.migrations (id, name) values (10, 'sweeps');
commit;
