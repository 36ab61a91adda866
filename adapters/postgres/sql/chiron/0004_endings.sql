-- The ends of tasks and of attempts, and why a write was refused. A task's end closes its waits and wakes whoever awaits it, in the
-- same transaction.
begin;

-- Why the fence did not let a write through. `again`: the call was sent before and its answer was lost; then a run that this claim has
-- brought into one of these states is "done".
create function chiron.refusal(q text, run uuid, worker text, again boolean, done_states text[]) returns text
language plpgsql as $$
declare
  seen record;
begin
  if q is null then
    return 'not_found';
  end if;
  execute format('select state, claimed_by from %s where run_id = $1', chiron.relation('r_', q)) into seen using run;
  if seen.state is null then
    return 'not_found';
  elsif again and seen.state = any (done_states) and coalesce(seen.claimed_by, worker) = worker then
    return 'done';
  elsif seen.state = 'cancelled' then
    return 'cancelled';
  end if;
  return 'lease_lost';
end $$;

-- How a task ended, as the value an awaiting run gets. Output and failure are embedded as the texts they are.
create function chiron.outcome_text(task uuid, run uuid, status text, p_output text, p_failure text) returns text
language sql stable as $$
  select format('{"task_id":%s,"run_id":%s,"workflow_name":%s,"status":"%s","output":%s,"failure":%s}',
    to_json(task), to_json(run), coalesce(k.name_json, to_json(k.workflow_name)::text), status, coalesce(p_output, 'null'),
    coalesce(p_failure, 'null'))
  from chiron.tasks k where k.task_id = task
$$;

-- The outcome text of any task id from what is stored; null while the task goes on. Of a task that is not there: status not_found.
create function chiron.outcome(p_target text) returns text
language plpgsql as $$
declare
  task uuid := case when p_target ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then p_target::uuid end;
  q text := chiron.queue_of_task(task);
  seen record;
begin
  if q is null then
    return format('{"task_id":%s,"run_id":null,"workflow_name":null,"status":"not_found","output":null,"failure":null}',
      to_json(p_target));
  end if;
  execute format(
    'select t.state, t.last_attempt_run as run_id,
            case t.state when ''completed'' then coalesce(k.output, chiron.compact(t.completed_payload -> ''output'')) end as output,
            case t.state when ''failed'' then coalesce(x.failure, chiron.compact(r.failure_reason)) end as failure
     from %s t join chiron.tasks k using (task_id) left join %s r on r.run_id = t.last_attempt_run
     left join chiron.runs x on x.run_id = r.run_id
     where t.task_id = $1', chiron.relation('t_', q), chiron.relation('r_', q))
    into seen using task;
  if seen.state not in ('completed', 'failed', 'cancelled') then
    return null;
  end if;
  return chiron.outcome_text(task, seen.run_id, seen.state, seen.output, seen.failure);
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

-- The task of this run has ended in absurd's tables: the rest follows.
create function chiron.end_task(
  q text, task uuid, run uuid, how text, output text, output_fate integer, failure text, now_at timestamptz
) returns void
language plpgsql as $$
declare
  outcome text;
begin
  update chiron.tasks k
  set ended = how, finished_at = now_at, updated_at = now_at, output = chiron.exact(end_task.output, output_fate)
  where k.task_id = task;
  delete from chiron.waits where task_id = task;
  execute format('delete from %s where task_id = $1', chiron.relation('w_', q)) using task;
  if exists (select 1 from chiron.waits where target = task::text and kind = 'task') then
    outcome := chiron.outcome_text(task, run, how, output, failure);
    perform chiron.resolve('task', task::text, outcome, chiron.outcome_fate(outcome), now_at);
  end if;
end $$;

-- Fails a running run that the caller has locked. retry_at null: no further attempt. Answers the task's state and its next attempt.
create function chiron.fail_locked(
  q text, run uuid, failure text, fate integer, retry_at timestamptz, now_at timestamptz,
  out task_id uuid, out task_state text, out next_run uuid, out next_at timestamptz
)
language plpgsql as $$
declare
  seen record;
begin
  execute format(
    'select r.task_id, r.attempt, t.max_attempts from %s r join %s t using (task_id) where r.run_id = $1',
    chiron.relation('r_', q), chiron.relation('t_', q)) into seen using run;
  task_id := seen.task_id;
  if retry_at is not null and (seen.max_attempts is null or seen.attempt < seen.max_attempts) then
    perform absurd.fail_run(q, run, chiron.natural(failure, fate), retry_at);
    execute format(
      'select t.state, n.run_id, n.available_at from %s t join %s n on n.run_id = t.last_attempt_run where t.task_id = $1',
      chiron.relation('t_', q), chiron.relation('r_', q)) into task_state, next_run, next_at using seen.task_id;
  else
    -- absurd has no call that says "and no further attempt".
    execute format(
      'with ended as (
         update %s set state = ''failed'', failed_at = $2, failure_reason = $3, wake_event = null, claim_expires_at = null
         where run_id = $1 returning task_id
       )
       update %s t set state = ''failed'' from ended where t.task_id = ended.task_id',
      chiron.relation('r_', q), chiron.relation('t_', q)) using run, now_at, chiron.natural(failure, fate);
    task_state := 'failed';
  end if;
  if fate > 0 then
    insert into chiron.runs as x (run_id, task_id, failure) values (run, seen.task_id, fail_locked.failure)
    on conflict (run_id) do update set failure = excluded.failure;
  end if;
  execute format('delete from %s where run_id = $1', chiron.relation('w_', q)) using run;
  if task_state in ('pending', 'sleeping') then
    update chiron.tasks k set updated_at = now_at where k.task_id = seen.task_id;
  else
    next_run := null;
    next_at := null;
    perform chiron.end_task(q, seen.task_id, run, task_state, null, 0, case task_state when 'failed' then failure end, now_at);
  end if;
end $$;

insert into chiron.migrations (id, name) values (4, 'endings');
commit;
