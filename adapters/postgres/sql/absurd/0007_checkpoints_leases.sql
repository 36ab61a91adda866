-- What a task has done so far, shared by all its attempts, and the lease a worker keeps alive while it does more. A write by a lower
-- attempt never replaces one by a higher.
begin;

create or replace function absurd.set_task_checkpoint_state(
  p_queue_name text,
  p_task_id uuid,
  p_step_name text,
  p_state jsonb,
  p_owner_run uuid,
  p_extend_claim_by integer default null
) returns void
language plpgsql as $$
declare
  run_state text;
  task_state text;
begin
  if p_step_name is null or p_step_name = '' then
    raise exception 'step name must not be empty';
  end if;
  -- One statement, as it is the most frequent write of all. The run and the task named are not compared, and a run that already sleeps
  -- may write.
  execute format(
    'with writer as materialized (
       select r.attempt, r.state as run_state, t.state as task_state
       from (select $4::uuid as run_id, $1::uuid as task_id) asked
       left join absurd.%1$I r on r.run_id = asked.run_id left join absurd.%2$I t on t.task_id = asked.task_id
     ), allowed as materialized (
       select attempt from writer where run_state not in (''failed'', ''cancelled'') and task_state <> ''cancelled''
     ), written as (
       insert into absurd.%3$I as c (task_id, checkpoint_name, state, status, owner_run_id, updated_at)
       select $1, $2, $3, ''committed'', $4, $5 from allowed
       on conflict (task_id, checkpoint_name) do update
       set state = excluded.state, status = excluded.status, owner_run_id = excluded.owner_run_id, updated_at = excluded.updated_at
       where c.owner_run_id = excluded.owner_run_id
          or (select attempt from allowed) >= coalesce((select r.attempt from absurd.%1$I r where r.run_id = c.owner_run_id), 0)
     ), lease as (
       update absurd.%1$I set claim_expires_at = $5 + make_interval(secs => $6)
       where $6 > 0 and run_id = $4 and state = ''running'' and claim_expires_at is not null and exists (select 1 from allowed)
     )
     select run_state, task_state from writer',
    'r_' || p_queue_name, 't_' || p_queue_name, 'c_' || p_queue_name)
    into run_state, task_state
    using p_task_id, p_step_name, p_state, p_owner_run, absurd.current_time(), p_extend_claim_by;
  if task_state is null then
    raise exception 'task "%" not found in queue "%"', p_task_id, p_queue_name;
  elsif run_state is null then
    raise exception 'run "%" not found in queue "%"', p_owner_run, p_queue_name;
  elsif task_state = 'cancelled' and run_state <> 'failed' then
    raise exception using errcode = 'AB001', message = format('task "%s" has been cancelled', p_task_id);
  elsif run_state in ('failed', 'cancelled') then
    perform chiron.refuse_run(p_queue_name, p_owner_run);
  end if;
end $$;

create or replace function absurd.get_task_checkpoint_state(
  p_queue_name text,
  p_task_id uuid,
  p_step_name text,
  p_include_pending boolean default false
) returns table (checkpoint_name text, state jsonb, status text, owner_run_id uuid, updated_at timestamptz)
language plpgsql as $$
begin
  return query execute format(
    'select checkpoint_name, state, status, owner_run_id, updated_at from absurd.%I
     where task_id = $1 and checkpoint_name = $2 and ($3 or status = ''committed'')', 'c_' || p_queue_name)
    using p_task_id, p_step_name, coalesce(p_include_pending, false);
end $$;

-- What an attempt may see at its start: committed, and not from an attempt after it.
create or replace function absurd.get_task_checkpoint_states(p_queue_name text, p_task_id uuid, p_run_id uuid)
returns table (checkpoint_name text, state jsonb, status text, owner_run_id uuid, updated_at timestamptz)
language plpgsql as $$
declare
  run record;
begin
  execute format('select task_id, attempt from absurd.%I where run_id = $1', 'r_' || p_queue_name) into run using p_run_id;
  if run.task_id is null then
    raise exception 'run "%" not found in queue "%"', p_run_id, p_queue_name;
  elsif run.task_id <> p_task_id then
    raise exception 'run "%" does not belong to task "%"', p_run_id, p_task_id;
  end if;
  return query execute format(
    'select c.checkpoint_name, c.state, c.status, c.owner_run_id, c.updated_at
     from absurd.%I c left join absurd.%I owner on owner.run_id = c.owner_run_id
     where c.task_id = $1 and c.status = ''committed'' and (owner.attempt is null or owner.attempt <= $2)
     order by c.updated_at, c.checkpoint_name', 'c_' || p_queue_name, 'r_' || p_queue_name)
    using p_task_id, run.attempt;
end $$;

-- The lease ends p_extend_by seconds from now, whatever was left of it.
create or replace function absurd.extend_claim(p_queue_name text, p_run_id uuid, p_extend_by integer) returns void
language plpgsql as $$
declare
  run record;
  task_state text;
begin
  if p_extend_by is null or p_extend_by <= 0 then
    raise exception 'extend_by must be > 0';
  end if;
  execute format('select task_id, state, claim_expires_at from absurd.%I where run_id = $1 for update', 'r_' || p_queue_name)
    into run using p_run_id;
  if run.state is distinct from 'running' then
    perform chiron.refuse_run(p_queue_name, p_run_id);
  end if;
  execute format('select state from absurd.%I where task_id = $1 for share', 't_' || p_queue_name) into task_state using run.task_id;
  if task_state = 'cancelled' then
    raise exception using errcode = 'AB001', message = format('task "%s" has been cancelled', run.task_id);
  elsif run.claim_expires_at is null then
    raise exception 'run "%" has no lease to extend', p_run_id;
  end if;
  execute format('update absurd.%I set claim_expires_at = $2 where run_id = $1', 'r_' || p_queue_name)
    using p_run_id, absurd.current_time() + make_interval(secs => p_extend_by);
end $$;

commit;
