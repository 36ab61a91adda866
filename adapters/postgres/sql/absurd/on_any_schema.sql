-- Two additions that make a queue quicker and change nothing anybody reads: a NOTIFY when a run becomes due, and the index for the
-- sweep of cancellation policies. They fit the schema of this folder and Absurd's own alike. May be applied again at any time; it
-- treats every queue that exists, and later ones are treated by:  select chiron.extend_queue('name');
-- To remove them from a queue:  drop trigger chiron_notify_due_run on absurd."r_name"; drop index absurd."t_name_cai";
begin;

select pg_advisory_xact_lock(hashtext('absurd schema'));
create schema if not exists chiron;

-- The channel of a queue: a name of 57 bytes after a prefix would be too long for one, so it is hashed. The payload is the queue's name.
create or replace function chiron.wake_channel(p_queue_name text) returns text
language sql immutable strict as $$
  select 'chiron_' || left(md5(p_queue_name), 16)
$$;

-- Only what is due now is worth waking for: a later time is known to whoever asks for the next one. Postgres sends one notification
-- for a transaction, however many rows it touched.
create or replace function chiron.notify_due_run() returns trigger
language plpgsql as $$
begin
  if new.available_at <= absurd.current_time() then
    perform pg_notify(chiron.wake_channel(tg_argv[0]), tg_argv[0]);
  end if;
  return null;
end $$;

-- Idempotent; takes a short exclusive lock the first time only.
create or replace function chiron.extend_queue(p_queue_name text) returns void
language plpgsql as $$
declare
  runs regclass := to_regclass(format('absurd.%I', 'r_' || p_queue_name));
begin
  if runs is null then
    raise exception 'queue "%" not found', p_queue_name;
  end if;
  -- A queue of our schema has a narrower index of this name already.
  execute format(
    'create index if not exists %I on absurd.%I (enqueue_at)
     where cancellation is not null and state in (''pending'', ''running'', ''sleeping'')',
    't_' || p_queue_name || '_cai', 't_' || p_queue_name);
  if not exists (select 1 from pg_trigger where tgrelid = runs and tgname = 'chiron_notify_due_run') then
    -- The condition is judged before the trigger is queued, so a claim or a completion pays nothing.
    execute format(
      'create trigger chiron_notify_due_run after insert or update on %s
       for each row when (new.state in (''pending'', ''sleeping'')) execute function chiron.notify_due_run(%L)',
      runs, p_queue_name);
  end if;
end $$;

do $$
declare
  queue record;
begin
  for queue in select queue_name from absurd.queues order by queue_name loop
    perform chiron.extend_queue(queue.queue_name);
  end loop;
end $$;

commit;
