-- What a task has done so far, shared by all its attempts, and the lease a worker keeps alive while it does more. A write by a lower
-- attempt never replaces one by a higher.
begin;

-- The most frequent write of all. The run and the task named are not compared, and a run that already sleeps may write.
create or replace function chiron.make_checkpoint(p_queue_name text) returns void
language sql as $make$
  select chiron.make_queue_function('write:', p_queue_name,
    '(p_task_id uuid, p_step_name text, p_state jsonb, p_owner_run uuid, p_extend_by integer) returns void',
    'set enable_seqscan = off', $body$
declare
  now_at timestamptz := absurd.current_time();
  writer record;
begin
  select r.attempt, r.state as run_state, t.state as task_state into writer
  from (select p_task_id as task_id, p_owner_run as run_id) asked
  left join {runs} r on r.run_id = asked.run_id left join {tasks} t on t.task_id = asked.task_id;
  if writer.task_state is null then
    raise exception 'task "%" not found in queue "%"', p_task_id, {queue};
  elsif writer.run_state is null then
    raise exception 'run "%" not found in queue "%"', p_owner_run, {queue};
  elsif writer.run_state in ('failed', 'cancelled') then
    perform chiron.refuse_run({queue}, p_owner_run);
  elsif writer.task_state = 'cancelled' then
    raise exception using errcode = 'AB001', message = format('task "%s" has been cancelled', p_task_id);
  end if;
  insert into {checkpoints} as c (task_id, checkpoint_name, state, status, owner_run_id, updated_at)
  values (p_task_id, p_step_name, p_state, 'committed', p_owner_run, now_at)
  on conflict (task_id, checkpoint_name) do update
  set state = excluded.state, status = excluded.status, owner_run_id = excluded.owner_run_id, updated_at = excluded.updated_at
  where c.owner_run_id = excluded.owner_run_id
     or writer.attempt >= coalesce((select r.attempt from {runs} r where r.run_id = c.owner_run_id), 0);
  if p_extend_by > 0 and writer.run_state = 'running' then
    update {runs} r
    set claim_expires_at = case
      when r.state = 'running' and r.claim_expires_at is not null then now_at + make_interval(secs => p_extend_by)
      else r.claim_expires_at end
    where r.run_id = p_owner_run;
  end if;
end $body$)
$make$;

create or replace function absurd.set_task_checkpoint_state(
  p_queue_name text,
  p_task_id uuid,
  p_step_name text,
  p_state jsonb,
  p_owner_run uuid,
  p_extend_claim_by integer default null
) returns void
language plpgsql as $$
begin
  if p_step_name is null or p_step_name = '' then
    raise exception 'step name must not be empty';
  end if;
  execute format('select chiron.%I($1, $2, $3, $4, $5)', 'write:' || p_queue_name)
    using p_task_id, p_step_name, p_state, p_owner_run, p_extend_claim_by;
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
