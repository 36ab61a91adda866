-- What nobody else tells Chiron: claims that nobody holds any more, and what other programs did to tasks past it.
begin;

-- Tasks that other programs spawned, ended, started again or removed, and events that they emitted past Chiron. Looks at unfinished
-- tasks only.
select chiron.define('sweep', '', 'void', $body$
declare
  seen record;
  ids uuid[];
  now_at timestamptz := absurd.current_time();
begin
  select array_agg(r.task_id) into ids from {runs} r
  where r.state in ('pending', 'running', 'sleeping') and not exists (select 1 from chiron.tasks k where k.task_id = r.task_id);
  if ids is not null then
    perform chiron.adopt({queue}, ids);
  end if;
  update chiron.tasks k set ended = null, finished_at = null, output = null from {runs} r
  where r.task_id = k.task_id and r.state in ('pending', 'running', 'sleeping') and k.ended is not null;
  for seen in
    select k.task_id, t.state, r.run_id, coalesce(r.completed_at, r.failed_at, t.cancelled_at, now_at) as at,
           chiron.compact(t.completed_payload -> 'output') as output, chiron.compact(r.failure_reason) as failure
    from chiron.tasks k left join {tasks} t on t.task_id = k.task_id left join {runs} r on r.run_id = t.last_attempt_run
    where k.queue = {queue} and k.ended is null and (t.task_id is null or t.state in ('completed', 'failed', 'cancelled'))
    order by k.task_id
  loop
    perform chiron.hold_task_{n}(seen.task_id);
    -- Whoever ended it may have told Chiron meanwhile.
    continue when not exists (select 1 from chiron.tasks k where k.task_id = seen.task_id and k.ended is null);
    if seen.state is null then
      perform chiron.delete_tasks({queue}, array[seen.task_id]);
    else
      perform chiron.end_task_{n}(seen.task_id, seen.run_id, seen.state, seen.output, 0, seen.failure, seen.at);
    end if;
  end loop;
  for seen in
    select w.task_id, w.step, e.payload from chiron.waits w join {events} e on e.event_name = w.target
    where w.queue = {queue} and w.kind = 'event' and e.payload is not null order by w.task_id, w.step
  loop
    perform chiron.hold_task_{n}(seen.task_id);
    perform chiron.settle_{n}(seen.task_id, seen.step, 'event', chiron.compact(seen.payload), 0, now_at);
    perform chiron.wake_{n}(seen.task_id, now_at);
  end loop;
end $body$);

-- Lets every claim of any other owner lapse now: for a process that knows itself to be the only one on this database.
create function chiron.lapse_foreign(owner text) returns void language plpgsql as $$
declare
  q record;
begin
  for q in select s.queue from chiron.queues s order by s.position loop
    execute format('update absurd.%I set claim_expires_at = absurd.current_time()
      where state = ''running'' and claim_expires_at > absurd.current_time() and not starts_with(claimed_by, $1)', 'r_' || q.queue)
      using owner || ':';
  end loop;
end $$;

create function chiron.sweep() returns void
language plpgsql as $$
declare
  queue_number integer;
begin
  for queue_number in select number from chiron.queues order by position loop
    execute format('select chiron.sweep_%s()', queue_number);
  end loop;
end $$;

-- Ends lapsed claims of all queues.
create function chiron.expire(failure text, fate integer, max_runs integer)
returns table (run_id uuid, task_id uuid, queue text, workflow_name text, attempt integer, task_state text)
language plpgsql
set enable_seqscan = off set jit = off set plan_cache_mode = force_generic_plan
as $$
declare
  q record;
  left_over integer := max_runs;
  ended record;
begin
  for q in select s.queue, s.number from chiron.queues s order by s.position loop
    exit when left_over <= 0;
    for ended in execute format(
      'select e.*, k.workflow_name from chiron.expire_%s($1, $2, $3) e left join chiron.tasks k on k.task_id = e.task_id
       order by chiron.ms(e.lease_until), k.seq', q.number) using failure, fate, left_over
    loop
      left_over := left_over - 1;
      run_id := ended.run_id;
      task_id := ended.task_id;
      queue := q.queue;
      attempt := ended.attempt;
      task_state := ended.task_state;
      workflow_name := ended.workflow_name;
      return next;
    end loop;
  end loop;
end $$;

insert into chiron.migrations (id, name) values (10, 'sweeps');
commit;
