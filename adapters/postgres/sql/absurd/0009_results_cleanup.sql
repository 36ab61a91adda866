-- Results, and the removal of what is old. Nothing is removed by itself: somebody has to call.
begin;

-- No row for an unknown task. A result only when completed, a reason only when failed.
create or replace function absurd.get_task_result(p_queue_name text, p_task_id uuid)
returns table (task_id uuid, state text, result jsonb, failure_reason jsonb)
language plpgsql as $$
begin
  perform absurd.validate_queue_name(p_queue_name);
  return query execute format(
    'select t.task_id, t.state,
            case when t.state = ''completed'' then t.completed_payload end,
            case when t.state = ''failed'' then r.failure_reason end
     from absurd.%I t left join absurd.%I r on r.run_id = t.last_attempt_run
     where t.task_id = $1', 't_' || p_queue_name, 'r_' || p_queue_name)
    using p_task_id;
end $$;

-- Removes finished tasks with everything that belongs to them; also frees their idempotency keys. Task ids sort by time and nothing is
-- finished before it is made, so going by ids finds the oldest first and ends where the younger begin. That holds for ids made by the
-- clock in use only, hence not under absurd.fake_now.
create or replace function absurd.cleanup_tasks(p_queue_name text, p_ttl_seconds integer, p_limit integer default 1000) returns integer
language plpgsql as $$
declare
  before timestamptz := absurd.current_time() - make_interval(secs => p_ttl_seconds);
  last_id uuid := 'ffffffff-ffff-ffff-ffff-ffffffffffff';
  removed integer;
begin
  perform absurd.validate_queue_name(p_queue_name), chiron.check_cleanup(p_ttl_seconds, p_limit);
  if coalesce(current_setting('absurd.fake_now', true), '') = '' then
    last_id := absurd.uuidv7_floor(before + interval '1 millisecond');
  end if;
  execute format(
    'with old as materialized (
       select t.task_id from absurd.%1$I t left join absurd.%2$I r on r.run_id = t.last_attempt_run
       where t.task_id <= $3
         and case t.state when ''completed'' then coalesce(r.completed_at, t.enqueue_at)
                          when ''failed'' then coalesce(r.failed_at, t.enqueue_at)
                          when ''cancelled'' then coalesce(t.cancelled_at, t.enqueue_at) end < $1
       order by t.task_id limit $2 for update of t skip locked
     ), waits as (
       delete from absurd.%3$I w using old where w.task_id = old.task_id
     ), checkpoints as (
       delete from absurd.%4$I c using old where c.task_id = old.task_id
     ), runs as (
       delete from absurd.%2$I r using old where r.task_id = old.task_id
     )
     delete from absurd.%1$I t using old where t.task_id = old.task_id',
    't_' || p_queue_name, 'r_' || p_queue_name, 'w_' || p_queue_name, 'c_' || p_queue_name)
    using before, p_limit, last_id;
  get diagnostics removed = row_count;
  return removed;
end $$;

create or replace function chiron.check_cleanup(ttl_seconds integer, row_limit integer) returns void
language plpgsql immutable as $$
begin
  if ttl_seconds is null or ttl_seconds < 0 then
    raise exception 'the time to live must not be negative';
  elsif row_limit is null or row_limit < 1 then
    raise exception 'the limit must be at least 1';
  end if;
end $$;

-- Takes the sentinels of waits too, whose time is the epoch; the waits themselves stay, and a later emit still wakes them.
create or replace function absurd.cleanup_events(p_queue_name text, p_ttl_seconds integer, p_limit integer default 1000) returns integer
language plpgsql as $$
declare
  removed integer;
begin
  perform absurd.validate_queue_name(p_queue_name), chiron.check_cleanup(p_ttl_seconds, p_limit);
  execute format(
    'delete from absurd.%1$I e using (
       select event_name from absurd.%1$I where emitted_at < $1 order by emitted_at limit $2 for update skip locked) old
     where e.event_name = old.event_name', 'e_' || p_queue_name)
    using absurd.current_time() - make_interval(secs => p_ttl_seconds), p_limit;
  get diagnostics removed = row_count;
  return removed;
end $$;

-- One batch for each queue, by its policy.
create or replace function absurd.cleanup_all_queues(p_queue_name text default null)
returns table (queue_name text, tasks_deleted integer, events_deleted integer)
language plpgsql as $$
#variable_conflict use_column
declare
  queue record;
  ttl_seconds integer;
begin
  for queue in
    select q.queue_name as name, q.cleanup_ttl, q.cleanup_limit from absurd.queues q
    where p_queue_name is null or q.queue_name = p_queue_name order by q.queue_name
  loop
    ttl_seconds := least(extract(epoch from queue.cleanup_ttl), 2147483647)::integer;
    return query select
      queue.name,
      absurd.cleanup_tasks(queue.name, ttl_seconds, queue.cleanup_limit),
      absurd.cleanup_events(queue.name, ttl_seconds, queue.cleanup_limit);
  end loop;
end $$;

commit;
