-- Queues: one row of absurd.queues and five real tables each (tasks, runs, checkpoints, events, waits), because other programs read,
-- truncate and join them by name. There are no foreign keys between them for the same reason.
-- Partitioned queues are not provided: a wish for one is refused.
-- The statements that run for every step of every task are functions made for each queue (chiron."claim:<queue>" and so on): PL/pgSQL
-- keeps their plans for a session, where a statement put together at each call costs more to plan than to run.
begin;

create table if not exists absurd.queues (
  queue_name text primary key,
  created_at timestamptz not null default absurd.current_time(),
  storage_mode text not null default 'unpartitioned' check (storage_mode in ('unpartitioned', 'partitioned')),
  default_partition text not null default 'enabled' check (default_partition in ('enabled', 'disabled')),
  partition_lookahead interval not null default interval '28 days' check (partition_lookahead >= interval '0'),
  partition_lookback interval not null default interval '1 day' check (partition_lookback >= interval '0'),
  cleanup_ttl interval not null default interval '30 days' check (cleanup_ttl >= interval '0'),
  cleanup_limit integer not null default 1000 check (cleanup_limit >= 1),
  detach_mode text not null default 'none' check (detach_mode in ('none', 'empty')),
  detach_min_age interval not null default interval '30 days' check (detach_min_age >= interval '0')
);

-- A template with {tasks} {runs} {checkpoints} {waits} in place of a queue's tables, and so on. One pass, because a queue's name may
-- itself contain braces.
create or replace function chiron.for_queue(template text, p_queue_name text) returns text
language sql stable as $$
  select string_agg(
    case part.found[1]
      when '{tasks}' then format('absurd.%I', 't_' || p_queue_name)
      when '{runs}' then format('absurd.%I', 'r_' || p_queue_name)
      when '{checkpoints}' then format('absurd.%I', 'c_' || p_queue_name)
      when '{waits}' then format('absurd.%I', 'w_' || p_queue_name)
      when '{queue}' then quote_literal(p_queue_name)
      when '{sweep}' then format('chiron.%I', 'sweep:' || p_queue_name)
      when '{pick}' then format('chiron.%I', 'pick:' || p_queue_name)
      when '{due_index}' then quote_literal(format('absurd.%I', 'r_' || p_queue_name || '_sai')) || '::regclass'
      when '{lease_index}' then quote_literal(format('absurd.%I', 'r_' || p_queue_name || '_cei')) || '::regclass'
      when '{policy_index}' then quote_literal(format('absurd.%I', 't_' || p_queue_name || '_cai')) || '::regclass'
      else part.found[1]
    end, '' order by part.position)
  from regexp_matches(template, '\{[a-z_]+\}|[^{]+|\{', 'g') with ordinality as part (found, position)
$$;

-- Makes chiron."<prefix><queue>". A prefix has six bytes at most, as a table's name has with its suffix, and ends with a colon, which no
-- function written by hand has in its name.
create or replace function chiron.make_queue_function(prefix text, p_queue_name text, signature text, settings text, body text)
returns void
language plpgsql as $$
begin
  execute format(
    'create or replace function chiron.%I %s language plpgsql %s as %L',
    prefix || p_queue_name, signature, settings, chiron.for_queue(body, p_queue_name));
end $$;

-- When a live task falls to its cancellation policy; null if it never does. max_delay counts from the spawn until the first start,
-- max_duration from there on. Immutable in truth: adding seconds to a timestamptz depends on no setting.
create or replace function chiron.cancel_at(policy jsonb, enqueued_at timestamptz, started_at timestamptz) returns timestamptz
language plpgsql immutable as $$
declare
  clause text := case when started_at is null then 'max_delay' else 'max_duration' end;
begin
  -- Tolerant, because an index calls this: rows other programs wrote must not make their own insert fail. A century is for ever.
  if jsonb_typeof(policy -> clause) is distinct from 'number' then
    return null;
  end if;
  return coalesce(started_at, enqueued_at)
    + make_interval(secs => greatest(least((policy ->> clause)::numeric, 3155760000), 0)::double precision);
end $$;

-- The sweep for overdue tasks in claim must cost nothing while none is overdue, however many tasks there are.
create or replace function chiron.add_policy_index(p_queue_name text) returns void
language plpgsql as $$
begin
  execute format(
    'create index if not exists %I on absurd.%I (chiron.cancel_at(cancellation, enqueue_at, first_started_at))
     where cancellation is not null and state in (''pending'', ''running'', ''sleeping'')',
    't_' || p_queue_name || '_cai', 't_' || p_queue_name);
end $$;

create or replace function absurd.ensure_queue_tables(p_queue_name text) returns void
language plpgsql as $$
declare
  q text := absurd.validate_queue_name(p_queue_name);
  states constant text := '(''pending'', ''running'', ''sleeping'', ''completed'', ''failed'', ''cancelled'')';
begin
  execute format(
    'create table if not exists absurd.%I (
       task_id uuid primary key,
       task_name text not null,
       params jsonb not null,
       headers jsonb,
       retry_strategy jsonb,
       max_attempts integer,
       cancellation jsonb,
       enqueue_at timestamptz not null default absurd.current_time(),
       first_started_at timestamptz,
       state text not null check (state in %s),
       attempts integer not null default 0,
       last_attempt_run uuid,
       completed_payload jsonb,
       cancelled_at timestamptz,
       idempotency_key text unique
     ) with (fillfactor = 70)', 't_' || q, states);
  execute format(
    'create table if not exists absurd.%I (
       run_id uuid primary key,
       task_id uuid not null,
       attempt integer not null,
       state text not null check (state in %s),
       claimed_by text,
       claim_expires_at timestamptz,
       available_at timestamptz not null,
       wake_event text,
       event_payload jsonb,
       started_at timestamptz,
       completed_at timestamptz,
       failed_at timestamptz,
       result jsonb,
       failure_reason jsonb,
       created_at timestamptz not null default absurd.current_time()
     ) with (fillfactor = 70)', 'r_' || q, states);
  execute format(
    'create table if not exists absurd.%I (
       task_id uuid not null,
       checkpoint_name text not null,
       state jsonb,
       status text not null default ''committed'',
       owner_run_id uuid,
       updated_at timestamptz not null default absurd.current_time(),
       primary key (task_id, checkpoint_name)
     ) with (fillfactor = 70)', 'c_' || q);
  execute format(
    'create table if not exists absurd.%I (
       event_name text primary key,
       payload jsonb,
       emitted_at timestamptz not null default absurd.current_time()
     )', 'e_' || q);
  execute format(
    'create table if not exists absurd.%I (
       task_id uuid not null,
       run_id uuid not null,
       step_name text not null,
       event_name text not null,
       timeout_at timestamptz,
       created_at timestamptz not null default absurd.current_time(),
       primary key (run_id, step_name)
     )', 'w_' || q);
  execute format('create index if not exists %I on absurd.%I (state, available_at)', 'r_' || q || '_sai', 'r_' || q);
  execute format('create index if not exists %I on absurd.%I (task_id)', 'r_' || q || '_ti', 'r_' || q);
  execute format(
    'create index if not exists %I on absurd.%I (claim_expires_at) where state = ''running'' and claim_expires_at is not null',
    'r_' || q || '_cei', 'r_' || q);
  execute format('create index if not exists %I on absurd.%I (event_name)', 'w_' || q || '_eni', 'w_' || q);
  execute format('create index if not exists %I on absurd.%I (task_id)', 'w_' || q || '_ti', 'w_' || q);
  execute format('create index if not exists %I on absurd.%I (emitted_at)', 'e_' || q || '_eai', 'e_' || q);
  perform chiron.add_policy_index(q), chiron.ensure_queue_functions(q);
end $$;

-- Idempotent; the mode of an existing queue must match.
create or replace function absurd.create_queue(p_queue_name text, p_storage_mode text) returns void
language plpgsql as $$
declare
  mode text := coalesce(p_storage_mode, 'unpartitioned');
  existing text;
begin
  perform absurd.validate_queue_name(p_queue_name);
  if mode not in ('unpartitioned', 'partitioned') then
    raise exception 'unknown storage mode "%"', mode;
  end if;
  if mode = 'partitioned' then
    raise exception 'partitioned queues are not provided by this schema; install Absurd''s own';
  end if;
  -- Waits for another session that makes the same queue, so that "if not exists" below never races with it.
  insert into absurd.queues (queue_name, storage_mode) values (p_queue_name, mode) on conflict do nothing;
  select storage_mode into existing from absurd.queues where queue_name = p_queue_name for update;
  if existing is distinct from mode then
    raise exception 'queue "%" exists with storage mode "%"', p_queue_name, existing;
  end if;
  perform absurd.ensure_queue_tables(p_queue_name);
end $$;

create or replace function absurd.create_queue(p_queue_name text) returns void
language plpgsql as $$
begin
  perform absurd.create_queue(p_queue_name, 'unpartitioned');
end $$;

-- Silent on an unknown name, also on one that is too long to be a queue. The row is asked first: a longer name, cut to 63 bytes,
-- could be the name of another queue's table.
create or replace function absurd.drop_queue(p_queue_name text) returns void
language plpgsql as $$
declare
  prefix text;
begin
  perform 1 from absurd.queues where queue_name = p_queue_name for update;
  if not found then
    return;
  end if;
  foreach prefix in array array['t_', 'r_', 'c_', 'e_', 'w_', 'i_'] loop
    execute format('drop table if exists absurd.%I cascade', prefix || p_queue_name);
  end loop;
  perform chiron.drop_queue_functions(p_queue_name);
  delete from absurd.queues where queue_name = p_queue_name;
end $$;

create or replace function absurd.list_queues() returns table (queue_name text)
language sql stable as $$
  select q.queue_name from absurd.queues q order by q.queue_name
$$;

commit;
