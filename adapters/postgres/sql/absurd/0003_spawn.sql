-- Spawning: one task, one first run, due at once. With an idempotency key the second spawn answers with the first one's task.
-- Retry strategies are judged here, so that a bad one is refused while somebody is looking (AB003).
begin;

-- Seconds between the failure of an attempt and the next. Base and cap are at most a day; without a cap a day is the cap.
create or replace function absurd.retry_delay_seconds(p_strategy jsonb, p_attempt integer) returns double precision
language plpgsql immutable as $$
declare
  day constant numeric := 86400;
  kind text;
  field text;
  base numeric;
  factor numeric;
  cap numeric;
begin
  if p_strategy is null or jsonb_typeof(p_strategy) = 'null' then
    return 0;
  end if;
  if jsonb_typeof(p_strategy) <> 'object' then
    raise exception using errcode = 'AB003', message = 'invalid retry strategy: not an object';
  end if;
  kind := coalesce(p_strategy ->> 'kind', 'none');
  if kind not in ('none', 'fixed', 'exponential') then
    raise exception using errcode = 'AB003', message = format('invalid retry strategy: unknown kind "%s"', kind);
  end if;
  foreach field in array array['base_seconds', 'factor', 'max_seconds'] loop
    if coalesce(jsonb_typeof(p_strategy -> field), 'null') not in ('number', 'null') then
      raise exception using errcode = 'AB003', message = format('invalid retry strategy: %s is not a number', field);
    end if;
  end loop;
  base := coalesce((p_strategy ->> 'base_seconds')::numeric, case kind when 'fixed' then 60 else 30 end);
  factor := coalesce((p_strategy ->> 'factor')::numeric, 2);
  cap := coalesce((p_strategy ->> 'max_seconds')::numeric, day);
  if base not between 0 and day or cap not between 0 and day or factor < 0 then
    raise exception using errcode = 'AB003',
      message = 'invalid retry strategy: base_seconds and max_seconds are 0 to 86400, factor is not negative';
  end if;
  if kind = 'none' then
    return 0;
  elsif kind = 'fixed' then
    return base;
  end if;
  -- Both limits keep the power inside a double; whatever they cut off is far beyond the cap.
  return least(
    base::double precision * power(least(factor, day)::double precision, least(greatest(p_attempt, 1) - 1, 60)),
    cap::double precision);
end $$;

create or replace function chiron.check_cancellation(policy jsonb) returns void
language plpgsql immutable as $$
declare
  field text;
begin
  if jsonb_typeof(policy) <> 'object' then
    raise exception 'cancellation must be an object';
  end if;
  foreach field in array array['max_delay', 'max_duration'] loop
    if coalesce(jsonb_typeof(policy -> field), 'null') not in ('number', 'null') or (policy ->> field)::numeric < 0 then
      raise exception 'cancellation.% must be a number of seconds, not negative', field;
    end if;
  end loop;
end $$;

create or replace function chiron.make_spawn(p_queue_name text) returns void
language sql as $make$
  select chiron.make_queue_function('spawn:', p_queue_name,
    '(p_task_name text, p_params jsonb, p_headers jsonb, p_strategy jsonb, p_max_attempts integer, p_policy jsonb, p_key text)
     returns table (task_id uuid, run_id uuid, attempt integer, created boolean)',
    '', $body$
#variable_conflict use_column
declare
  new_task uuid := absurd.portable_uuidv7();
  new_run uuid := absurd.portable_uuidv7();
  now_at timestamptz := absurd.current_time();
begin
  loop
    insert into {tasks} (task_id, task_name, params, headers, retry_strategy, max_attempts, cancellation, enqueue_at,
                         state, attempts, last_attempt_run, idempotency_key)
    values (new_task, p_task_name, p_params, p_headers, p_strategy, p_max_attempts, p_policy, now_at, 'pending', 1, new_run, p_key)
    on conflict do nothing;
    if found then
      insert into {runs} (run_id, task_id, attempt, state, available_at, created_at)
      values (new_run, new_task, 1, 'pending', now_at, now_at);
      return query select new_task, new_run, 1, true;
      return;
    end if;
    -- The insert has waited for the spawn that won, so its task is there; unless a cleanup took it away, then it is our turn.
    return query select t.task_id, t.last_attempt_run, t.attempts, false from {tasks} t where t.idempotency_key = p_key;
    if found then
      return;
    end if;
    if current_setting('transaction_isolation') <> 'read committed' then
      raise exception using errcode = '40001', message = 'idempotency key was taken by a transaction this one cannot see';
    end if;
  end loop;
end $body$)
$make$;

create or replace function absurd.spawn_task(
  p_queue_name text,
  p_task_name text,
  p_params jsonb,
  p_options jsonb default '{}'::jsonb
) returns table (task_id uuid, run_id uuid, attempt integer, created boolean)
language plpgsql as $$
declare
  options jsonb := coalesce(p_options, '{}'::jsonb);
  strategy jsonb := nullif(options -> 'retry_strategy', 'null'::jsonb);
  policy jsonb := nullif(options -> 'cancellation', 'null'::jsonb);
  attempts_allowed integer := (options ->> 'max_attempts')::integer;
begin
  perform absurd.validate_queue_name(p_queue_name);
  if p_task_name is null or p_task_name = '' then
    raise exception 'task name must not be empty';
  end if;
  if attempts_allowed < 1 then
    raise exception 'max_attempts must be at least 1';
  end if;
  if strategy is not null then
    perform absurd.retry_delay_seconds(strategy, 1);
  end if;
  if policy is not null then
    perform chiron.check_cancellation(policy);
  end if;
  return query execute format('select * from chiron.%I($1, $2, $3, $4, $5, $6, $7)', 'spawn:' || p_queue_name)
    using p_task_name, coalesce(p_params, 'null'::jsonb), nullif(options -> 'headers', 'null'::jsonb), strategy, attempts_allowed,
          policy, options ->> 'idempotency_key';
end $$;

commit;
