-- The frequent writes, all members of a call in one statement instead of one after the other: a statement costs several times what a row
-- does; the other way round for fewer than four. Where a member is not like the others (refused, sent again, a name that is taken, a start key) the call goes member by member, as
-- in the files before; those functions are kept under the names that end in _each.
begin;

-- Whether schema "absurd" is the one of this program: then its tables may be written by what stands here. Any other is only called.
create function chiron.owns_absurd() returns boolean
language sql stable as $$
  select exists (select 1 from pg_proc p where p.oid = to_regprocedure('absurd.spawn_task(text,text,jsonb,jsonb)')
    and position('''spawn:''' in p.prosrc) > 0)
$$;

select chiron.define(t.name || '_each', t.arguments, t.returns, replace(t.body, t.name || '_{n}.', t.name || '_each_{n}.'), t.entry)
from chiron.templates t where t.name in ('enqueue', 'checkpoint', 'complete');

-- Tasks without start keys. One with a key goes through absurd's own spawn, which settles who comes first.
select chiron.define('enqueue', 'members json, p_ticket text, again boolean',
  'table (n integer, task_id uuid, run_id uuid, attempt integer, created boolean)', $body$
#variable_conflict use_column
declare
  now_at timestamptz;
begin
  if again or not chiron.owns_absurd() or exists (select 1 from json_to_recordset(members) as x(key text) where x.key is not null) then
    return query select * from chiron.enqueue_each_{n}(members, p_ticket, again);
    return;
  end if;
  -- For a second sending, which waits for the end of this one.
  perform pg_advisory_xact_lock(hashtextextended('chiron ' || p_ticket, 0));
  now_at := absurd.current_time();
  return query
    with m as materialized (
      select x.*, absurd.portable_uuidv7() as task_id, absurd.portable_uuidv7() as run_id
      from json_to_recordset(members) as x(n integer, name text, name_json text, input text, fate integer, max_attempts integer,
        cause text, ref text, parent uuid, harness text) order by x.n
    ), tasks as (
      insert into {tasks} (task_id, task_name, params, max_attempts, enqueue_at, state, attempts, last_attempt_run)
      select m.task_id, 'centaur.workflow',
             jsonb_build_object('workflow_name', m.name, 'input', chiron.natural(m.input, m.fate), 'harness_type', m.harness),
             m.max_attempts, now_at, 'pending', 1, m.run_id
      from m
    ), runs as (
      insert into {runs} (run_id, task_id, attempt, state, available_at, created_at)
      select m.run_id, m.task_id, 1, 'pending', now_at, now_at from m
    ), known as (
      insert into chiron.tasks (task_id, queue, workflow_name, name_json, cause_kind, cause_ref, parent_task_id, harness_type, input,
                                created_at, updated_at, ticket)
      select m.task_id, {queue}, m.name, m.name_json, m.cause, m.ref, m.parent, m.harness, chiron.exact(m.input, m.fate), now_at, now_at,
             p_ticket || '.' || m.n
      from m
    )
    select m.n, m.task_id, m.run_id, 1, true from m;
end $body$, true);

-- Locks the runs of a call in the order of their ids and tells whether the fence lets all of them through. The arrays name the members in
-- the order of their runs, then of their places.
select chiron.define('fence_all', 'run_ids uuid[], workers text[],
   out passed boolean, out task_ids uuid[], out attempts integer[], out first_lapse timestamptz', 'record', $body$
declare
  now_at timestamptz;
  all_running boolean;
begin
  perform 1 from {runs} r where r.run_id = any (run_ids) order by r.run_id for update;
  now_at := absurd.current_time();
  -- Each look-up by its id: joined freely, a plan made while the queue was empty may walk another index.
  select array_agg(r.task_id order by m.place), array_agg(r.attempt order by m.place), min(r.claim_expires_at),
         coalesce(bool_and(r.state = 'running' and r.claimed_by = m.worker), false)
  into task_ids, attempts, first_lapse, all_running
  from unnest(run_ids, workers) with ordinality as m(run, worker, place)
  left join lateral (select * from {runs} x where x.run_id = m.run offset 0) r on true;
  passed := all_running and first_lapse > now_at and array_position(task_ids, null) is null;
end $body$);

select chiron.define('checkpoint', 'members json',
  'table (n integer, refused text, kept_name text, kept_kind text, kept_value text, kept_stored text)', $body$
#variable_conflict use_column
declare
  ns integer[];
  run_ids uuid[];
  workers text[];
  lease_s double precision;
  held record;
  now_at timestamptz;
begin
  if json_array_length(members) < 4 then
    return query select * from chiron.checkpoint_each_{n}(members);
    return;
  end if;
  select array_agg(x.n order by x.run, x.n), array_agg(x.run order by x.run, x.n), array_agg(x.worker order by x.run, x.n),
         max(x.lease) / 1000
  into ns, run_ids, workers, lease_s
  from json_to_recordset(members) as x(n integer, run uuid, worker text, lease double precision);
  select * into held from chiron.fence_all_{n}(run_ids, workers);
  if held.passed is not true then
    return query select * from chiron.checkpoint_each_{n}(members);
    return;
  end if;
  now_at := absurd.current_time();
  -- While nine tenths of the lease are left, renewing it would only write the row and its indexes again.
  if held.first_lapse < now_at + make_interval(secs => lease_s * 0.9) then
    update {runs} r set claim_expires_at = now_at + make_interval(secs => m.lease / 1000)
    from json_to_recordset(members) as m(run uuid, lease double precision)
    where r.run_id = m.run and r.run_id = any (run_ids) and r.claim_expires_at < now_at + make_interval(secs => m.lease * 0.9 / 1000);
  end if;
  begin
    with m as materialized (
      select x.n, x.run, x.name, x.value, x.fate, x.duration, x.position, h.task, h.attempt,
             row_number() over (partition by h.task order by x.n) as place
      from json_to_recordset(members) as x(n integer, run uuid, name text, value text, fate integer, duration double precision,
        position text)
      join unnest(ns, held.task_ids, held.attempts) as h(n, task, attempt) on h.n = x.n
    ), counted as (
      update chiron.tasks k set recorded = k.recorded + c.size, updated_at = now_at
      from (select m.task, count(*)::integer as size from m group by m.task) c
      where k.task_id = c.task and k.task_id = any (held.task_ids)
      returning k.task_id, k.recorded - c.size as before
    ), ours as (
      insert into chiron.checkpoints (task_id, name, seq, kind, owner_run_id, attempt, created_at, duration_ms, position, value)
      select m.task, m.name, c.before + m.place, 'step', m.run, m.attempt, now_at, m.duration, m.position, chiron.exact(m.value, m.fate)
      from m join counted c on c.task_id = m.task
    )
    insert into {checkpoints} (task_id, checkpoint_name, state, status, owner_run_id, updated_at)
    select m.task, m.name, chiron.natural(m.value, m.fate), 'committed', m.run, now_at from m;
  exception when unique_violation then
    -- A name is there already, in either table or twice in this call: the first value stands.
    return query select * from chiron.checkpoint_each_{n}(members);
    return;
  end;
  return query select i, null::text, null::text, null::text, null::text, null::text from unnest(ns) i;
end $body$, true);

-- woke: whether a run that awaited one of them may be due now; null: not known.
select chiron.define('complete', 'members json, again boolean', 'table (n integer, refused text, woke boolean)', $body$
#variable_conflict use_column
declare
  ns integer[];
  run_ids uuid[];
  workers text[];
  held record;
  ended record;
  outcome text;
  now_at timestamptz;
  any_woken boolean := false;
begin
  if json_array_length(members) < 4 then
    -- A wait that is noted between this look and the locks is ended all the same; its run is then found by the next poll.
    any_woken := again or exists (
      select 1 from json_to_recordset(members) as m(run uuid)
      cross join lateral (select x.task_id from {runs} x where x.run_id = m.run offset 0) r
      cross join lateral (select 1 from chiron.waits w where w.target = r.task_id::text and w.kind = 'task' offset 0) w);
    return query select e.n, e.refused, any_woken from chiron.complete_each_{n}(members, again) e;
    return;
  end if;
  select array_agg(x.n order by x.run, x.n), array_agg(x.run order by x.run, x.n), array_agg(x.worker order by x.run, x.n)
  into ns, run_ids, workers
  from json_to_recordset(members) as x(n integer, run uuid, worker text);
  if again or not chiron.owns_absurd() then
    return query select e.n, e.refused, null::boolean from chiron.complete_each_{n}(members, again) e;
    return;
  end if;
  select * into held from chiron.fence_all_{n}(run_ids, workers);
  if held.passed is not true or (select count(distinct i) from unnest(run_ids) i) < cardinality(ns) then
    return query select e.n, e.refused, null::boolean from chiron.complete_each_{n}(members, again) e;
    return;
  end if;
  now_at := absurd.current_time();
  with m as materialized (
    select x.run, x.value, x.fate, h.task, jsonb_build_object(
             'workflow_name', (select k.workflow_name from chiron.tasks k where k.task_id = h.task), 'run_id', x.run, 'task_id', h.task,
             'steps', '["python_host"]'::jsonb, 'output', chiron.natural(x.value, x.fate)) as payload
    from json_to_recordset(members) as x(n integer, run uuid, value text, fate integer)
    join unnest(ns, held.task_ids) as h(n, task) on h.n = x.n
  ), runs as (
    update {runs} r set state = 'completed', completed_at = now_at, result = m.payload from m
    where r.run_id = m.run and r.run_id = any (run_ids)
  ), tasks as (
    update {tasks} t set state = 'completed', completed_payload = m.payload, last_attempt_run = m.run from m
    where t.task_id = m.task and t.task_id = any (held.task_ids)
  )
  update chiron.tasks k
  set ended = 'completed', finished_at = now_at, updated_at = now_at, output = chiron.exact(m.value, m.fate) from m
  where k.task_id = m.task and k.task_id = any (held.task_ids);
  delete from {waits} w where w.run_id = any (run_ids);
  delete from chiron.waits w where w.task_id = any (held.task_ids);
  if found then
    delete from {waits} w where w.task_id = any (held.task_ids);
  end if;
  -- A statement of its own, so that it sees the waits that were noted while the first one waited for its locks.
  for ended in
    select h.task, x.run, x.value from json_to_recordset(members) as x(n integer, run uuid, value text)
    join unnest(ns, held.task_ids) as h(n, task) on h.n = x.n
    where exists (select 1 from chiron.waits w where w.target = h.task::text and w.kind = 'task') order by h.task
  loop
    outcome := chiron.outcome_text(ended.task, ended.run, 'completed', ended.value, null);
    perform chiron.resolve('task', ended.task::text, outcome, chiron.outcome_fate(outcome), now_at);
    any_woken := true;
  end loop;
  return query select i, null::text, any_woken from unnest(ns) i;
end $body$, true);

insert into chiron.migrations (id, name) values (16, 'together');
commit;
