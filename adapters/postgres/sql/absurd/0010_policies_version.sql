-- Maintenance policies of queues, the functions this schema does not provide (partitions and pg_cron jobs), and the version, which is
-- made last: where it exists the installation is complete.
begin;

create or replace function absurd.get_queue_policy(p_queue_name text)
returns table (
  queue_name text,
  storage_mode text,
  default_partition text,
  partition_lookahead interval,
  partition_lookback interval,
  cleanup_ttl interval,
  cleanup_limit integer,
  detach_mode text,
  detach_min_age interval
)
language sql stable as $$
  select q.queue_name, q.storage_mode, q.default_partition, q.partition_lookahead, q.partition_lookback, q.cleanup_ttl,
         q.cleanup_limit, q.detach_mode, q.detach_min_age
  from absurd.queues q where q.queue_name = p_queue_name
$$;

-- Sets the keys that are given and leaves the others; the checks of the table judge the values.
create or replace function absurd.set_queue_policy(p_queue_name text, p_policy jsonb) returns void
language plpgsql as $$
declare
  unknown text;
begin
  if p_policy is null or jsonb_typeof(p_policy) <> 'object' then
    raise exception 'policy must be an object';
  end if;
  select string_agg(key, ', ') into unknown from jsonb_object_keys(p_policy) key
  where key not in ('default_partition', 'partition_lookahead', 'partition_lookback', 'cleanup_ttl', 'cleanup_limit',
                    'detach_mode', 'detach_min_age');
  if unknown is not null then
    raise exception 'unknown policy key: %', unknown;
  end if;
  update absurd.queues q
  set default_partition = coalesce(p_policy ->> 'default_partition', q.default_partition),
      partition_lookahead = coalesce((p_policy ->> 'partition_lookahead')::interval, q.partition_lookahead),
      partition_lookback = coalesce((p_policy ->> 'partition_lookback')::interval, q.partition_lookback),
      cleanup_ttl = coalesce((p_policy ->> 'cleanup_ttl')::interval, q.cleanup_ttl),
      cleanup_limit = coalesce((p_policy ->> 'cleanup_limit')::integer, q.cleanup_limit),
      detach_mode = coalesce(p_policy ->> 'detach_mode', q.detach_mode),
      detach_min_age = coalesce((p_policy ->> 'detach_min_age')::interval, q.detach_min_age)
  where q.queue_name = p_queue_name;
  if not found then
    raise exception 'queue "%" not found', p_queue_name;
  end if;
end $$;

create or replace function chiron.not_provided(what text) returns void
language plpgsql immutable as $$
begin
  raise exception using errcode = '0A000', message = format('%s is not provided by this schema; install Absurd''s own', what);
end $$;

create or replace function absurd.ensure_partitions(p_queue_name text default null) returns void
language plpgsql as $$ begin perform chiron.not_provided('ensure_partitions'); end $$;

create or replace function absurd.list_detach_candidates(p_queue_name text default null)
returns table (queue_name text, parent_table text, partition_table text)
language plpgsql as $$ begin perform chiron.not_provided('list_detach_candidates'); end $$;

create or replace function absurd.drop_detached_partition(p_partition_table text, p_unschedule_job_name text default null) returns boolean
language plpgsql as $$ begin perform chiron.not_provided('drop_detached_partition'); end $$;

create or replace function absurd.schedule_detach_jobs(p_queue_name text default null)
returns table (job_name text, job_id bigint, queue_name text, partition_table text, job_kind text)
language plpgsql as $$ begin perform chiron.not_provided('schedule_detach_jobs'); end $$;

create or replace function absurd.enable_cron(
  p_queue_name text default null,
  p_partition_schedule text default '5 * * * *',
  p_cleanup_schedule text default '17 * * * *',
  p_detach_schedule text default '29 * * * *'
) returns table (job_name text, job_id bigint)
language plpgsql as $$ begin perform chiron.not_provided('enable_cron'); end $$;

create or replace function absurd.disable_cron(p_queue_name text default null) returns table (job_name text, job_id bigint)
language plpgsql as $$ begin perform chiron.not_provided('disable_cron'); end $$;

-- The functions made for each queue; see 0002.
create or replace function chiron.ensure_queue_functions(p_queue_name text) returns void
language sql as $$
  select chiron.make_spawn(p_queue_name), chiron.make_sweep(p_queue_name), chiron.make_pick(p_queue_name),
         chiron.make_claim(p_queue_name), chiron.make_complete(p_queue_name), chiron.make_checkpoint(p_queue_name)
$$;

create or replace function chiron.drop_queue_functions(p_queue_name text) returns void
language plpgsql as $$
declare
  prefix text;
begin
  foreach prefix in array array['spawn:', 'sweep:', 'pick:', 'claim:', 'done:', 'write:'] loop
    execute format('drop function if exists chiron.%I', prefix || p_queue_name);
  end loop;
end $$;

-- Queues that are there already, from a copy of the tables or from before this version.
do $$ begin perform absurd.ensure_queue_tables(queue_name) from absurd.queues; end $$;

-- The version whose interface this is, and whose schema. A genuine migration puts its own text here.
create or replace function absurd.get_schema_version() returns text
language sql immutable as $$ select '0.5.0+chiron.2'::text $$;

commit;
