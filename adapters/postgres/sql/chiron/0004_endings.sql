-- The ends of tasks and of attempts, and why a write was refused. A task's end closes its waits and wakes whoever awaits it, in the
-- same transaction.
begin;

-- Lets a claim-side write through: run, claim and lease, checked on a row that is locked from here on. Null for all others. The row is
-- found by its id alone: beside a condition on the state, stale statistics can lead the planner to the index of states.
select chiron.define('fence', 'run uuid, worker text, out task_id uuid, out attempt integer', 'record', $body$
declare
  held record;
begin
  select r.task_id, r.attempt, r.state, r.claimed_by, r.claim_expires_at into held from {runs} r where r.run_id = run for update;
  -- By the time that it is after the lock was waited for.
  if held.state = 'running' and held.claimed_by = worker and held.claim_expires_at > absurd.current_time() then
    task_id := held.task_id;
    attempt := held.attempt;
  end if;
end $body$);

-- Why the fence did not let a write through. `again`: the call was sent before and its answer was lost; then a run that this claim has
-- brought into one of these states is "done".
select chiron.define('refusal', 'run uuid, worker text, again boolean, done_states text[]', 'text', $body$
declare
  seen record;
begin
  select state, claimed_by into seen from {runs} where run_id = run;
  if not found then
    return 'not_found';
  elsif again and seen.state = any (done_states) and coalesce(seen.claimed_by, worker) = worker then
    return 'done';
  elsif seen.state = 'cancelled' then
    return 'cancelled';
  end if;
  return 'lease_lost';
end $body$);

-- How a task ended, as the value an awaiting run gets. Output and failure are embedded as the texts they are.
create function chiron.outcome_text(task uuid, run uuid, status text, p_output text, p_failure text) returns text
language sql stable as $$
  select format('{"task_id":%s,"run_id":%s,"workflow_name":%s,"status":"%s","output":%s,"failure":%s}',
    to_json(task), to_json(run), coalesce(k.name_json, to_json(k.workflow_name)::text), status, coalesce(p_output, 'null'),
    coalesce(p_failure, 'null'))
  from chiron.tasks k where k.task_id = task
$$;

-- The outcome of a task of this queue from what is stored; null while the task goes on.
select chiron.define('outcome', 'task uuid', 'text', $body$
declare
  seen record;
begin
  select t.state, t.last_attempt_run as run_id,
         case t.state when 'completed' then coalesce(k.output, chiron.compact(t.completed_payload -> 'output')) end as output,
         case t.state when 'failed' then coalesce(x.failure, chiron.compact(r.failure_reason)) end as failure
  into seen
  from {tasks} t join chiron.tasks k using (task_id) left join {runs} r on r.run_id = t.last_attempt_run
  left join chiron.runs x on x.run_id = r.run_id
  where t.task_id = task;
  if seen.state in ('completed', 'failed', 'cancelled') then
    return chiron.outcome_text(task, seen.run_id, seen.state, seen.output, seen.failure);
  end if;
  return null;
end $body$);

-- The outcome of any task id. Of a task that is not there, or no longer: status not_found.
create function chiron.outcome(p_target text) returns text
language plpgsql as $$
declare
  task uuid := case when p_target ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then p_target::uuid end;
  n integer := (chiron.find_task(task)).number;
  found_text text;
begin
  if n is null then
    return format('{"task_id":%s,"run_id":null,"workflow_name":null,"status":"not_found","output":null,"failure":null}',
      to_json(p_target));
  end if;
  execute format('select chiron.outcome_%s($1)', n) into found_text using task;
  return found_text;
end $$;

-- An outcome has its own order of keys, so its exact text is always kept; fate 2 where a part of it does not fit into jsonb.
create function chiron.outcome_fate(outcome text) returns integer
language plpgsql immutable as $$
begin
  perform outcome::jsonb;
  return 1;
exception when others then
  return 2;
end $$;

-- The task of this run has ended in absurd's tables: the rest follows. Output and failure as texts.
select chiron.define('end_task',
  'task uuid, run uuid, how text, p_output text, output_fate integer, failure text, now_at timestamptz', 'void', $body$
declare
  outcome text;
begin
  update chiron.tasks k
  set ended = how, finished_at = now_at, updated_at = now_at, output = chiron.exact(p_output, output_fate)
  where k.task_id = task;
  delete from chiron.waits where task_id = task;
  if found then
    delete from {waits} where task_id = task;
  end if;
  -- A statement of its own, so that it sees the waits that were noted while the first one waited for its lock.
  if exists (select 1 from chiron.waits where target = task::text and kind = 'task') then
    outcome := chiron.outcome_text(task, run, how, p_output, failure);
    perform chiron.resolve('task', task::text, outcome, chiron.outcome_fate(outcome), now_at);
  end if;
end $body$);

-- Fails a running run that the caller has locked. retry_at null: no further attempt. Answers the task's state and its next attempt.
select chiron.define('fail_locked',
  'run uuid, p_failure text, fate integer, retry_at timestamptz, now_at timestamptz,
   out task_id uuid, out task_state text, out next_run uuid, out next_at timestamptz', 'record', $body$
declare
  seen record;
begin
  select r.task_id, r.attempt, t.max_attempts into seen from {runs} r join {tasks} t on t.task_id = r.task_id where r.run_id = run;
  task_id := seen.task_id;
  if retry_at is not null and (seen.max_attempts is null or seen.attempt < seen.max_attempts) then
    perform absurd.fail_run({queue}, run, chiron.natural(p_failure, fate), retry_at);
    select t.state, n.run_id, n.available_at into task_state, next_run, next_at
    from {tasks} t join {runs} n on n.run_id = t.last_attempt_run where t.task_id = seen.task_id;
  else
    -- absurd has no call that says "and no further attempt".
    update {runs} r
    set state = 'failed', failed_at = now_at, failure_reason = chiron.natural(p_failure, fate), wake_event = null, claim_expires_at = null
    where r.run_id = run;
    update {tasks} t set state = 'failed' where t.task_id = seen.task_id;
    task_state := 'failed';
  end if;
  if fate > 0 then
    insert into chiron.runs as x (run_id, task_id, failure) values (run, seen.task_id, p_failure)
    on conflict (run_id) do update set failure = excluded.failure;
  end if;
  delete from {waits} w where w.run_id = run;
  if task_state in ('pending', 'sleeping') then
    update chiron.tasks k set updated_at = now_at where k.task_id = seen.task_id;
  else
    next_run := null;
    next_at := null;
    perform chiron.end_task_{n}(seen.task_id, run, task_state, null, 0, case task_state when 'failed' then p_failure end, now_at);
  end if;
end $body$);

insert into chiron.migrations (id, name) values (4, 'endings');
commit;
