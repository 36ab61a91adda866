-- Claims in one go, for the schema "absurd" of this program: what its claim_task does through four functions, and what Chiron does before
-- and after it, with one look where nothing is due. On any other schema claim_task is called, as before.
begin;

-- As in 0016, planned once a session instead of at every call.
create or replace function chiron.owns_absurd() returns boolean
language plpgsql stable as $$
begin
  return exists (select 1 from pg_proc p where p.oid = to_regprocedure('absurd.spawn_task(text,text,jsonb,jsonb)')
    and position('''spawn:''' in p.prosrc) > 0);
end $$;

-- The claims of one call. Written out for the queues there are, so that no statement has to be planned at every call.
create or replace function chiron.make_claim() returns void
language plpgsql as $make$
declare
  branches text;
begin
  select string_agg(format(
    'if m.q = %1$s then
      return query select m.n, c.* from chiron.claim_%1$s(m.worker, m.lease, m.qty, m.code, coalesce(m.keep, false), failure) c;
    end if;', q.number), E'\n    ' order by q.number)
  into branches from chiron.queues q;
  execute format($claim$
create or replace function chiron.claim(members json, failure text)
returns table (n integer, run_id uuid, task_id uuid, workflow_name text, input text, stored text, attempt integer, max_attempts integer,
               lease_until double precision, harness_type text, pinned text, due_at double precision, recorded json)
language plpgsql
set enable_seqscan = off set jit = off set plan_cache_mode = force_generic_plan
as %L $claim$, format($body$
declare
  m record;
begin
  for m in
    select * from json_to_recordset(members)
      as x(n integer, q integer, worker text, lease integer, qty integer, code text, keep boolean) order by x.n
  loop
    %s
  end loop;
end $body$, branches));
end $make$;

-- As in 0002, with {sweep} and {pick}: what absurd/0005_claim.sql makes for the queue.
create or replace function chiron.make_function(t chiron.templates, q chiron.queues) returns void
language plpgsql as $make$
declare
  text_of text := t.body;
  pair record;
begin
  for pair in
    select * from (values
      ('{tasks}', chiron.relation('t_', q.queue)), ('{runs}', chiron.relation('r_', q.queue)),
      ('{checkpoints}', chiron.relation('c_', q.queue)), ('{events}', chiron.relation('e_', q.queue)),
      ('{waits}', chiron.relation('w_', q.queue)), ('{queue}', quote_literal(q.queue)), ('{n}', q.number::text),
      ('{sweep}', format('chiron.%I', 'sweep:' || q.queue)), ('{pick}', format('chiron.%I', 'pick:' || q.queue))) as v(mark, value)
  loop
    text_of := replace(text_of, pair.mark, pair.value);
  end loop;
  execute format('drop function if exists chiron.%I', t.name || '_' || q.number);
  execute format(
    'create function chiron.%I(%s) returns %s language plpgsql %s as %L', t.name || '_' || q.number, t.arguments, t.returns,
    case when t.entry then 'set enable_seqscan = off set jit = off set plan_cache_mode = force_generic_plan' else '' end, text_of);
  if t.name = 'claim' then
    perform chiron.make_claim();
  end if;
end $make$;

select chiron.define('claim_called', t.arguments, t.returns, t.body, t.entry) from chiron.templates t where t.name = 'claim';

-- What becomes of claimed runs is told in absurd/0005_claim.sql and 0015; marks of walks too.
select chiron.define('claim', 'worker text, lease_s integer, qty integer, code text, keep boolean, failure text',
  'table (run_id uuid, task_id uuid, workflow_name text, input text, stored text, attempt integer, max_attempts integer,
          lease_until double precision, harness_type text, pinned text, due_at double precision, recorded json)', $body$
#variable_conflict use_column
declare
  now_at timestamptz := absurd.current_time();
  leases_from timestamptz := chiron.walk_from('leases', {queue});
  pending_from timestamptz := chiron.walk_from('pending', {queue});
  sleeping_from timestamptz := chiron.walk_from('sleeping', {queue});
  due_index oid := to_regclass(chiron.relation('r_', {queue} || '_sai'));
  lease_index oid := to_regclass(chiron.relation('r_', {queue} || '_cei'));
  due_before bigint := pg_stat_get_xact_tuples_returned(due_index);
  lease_before bigint := pg_stat_get_xact_tuples_returned(lease_index);
  began timestamptz := clock_timestamp();
  any_lapsed boolean;
  any_due boolean;
  all_plain boolean;
  picked uuid[];
  picked_tasks uuid[];
  numbers integer[];
  due_ats timestamptz[];
  free_tasks uuid[];
  runs uuid[];
begin
  -- The orders are asked for so that no other index will do.
  select
    exists (select 1 from {runs} r where r.state = 'running' and r.claim_expires_at is not null
              and r.claim_expires_at between leases_from and now_at order by r.claim_expires_at limit 1),
    exists (select 1 from {runs} r where r.state = 'pending' and r.available_at between pending_from and now_at
            order by r.available_at limit 1)
    or exists (select 1 from {runs} r where r.state = 'sleeping' and r.available_at between sleeping_from and now_at
               order by r.available_at limit 1)
  into any_lapsed, any_due;
  if any_lapsed then
    perform chiron.expire_{n}(failure, 0, qty);
  elsif leases_from = '-infinity' and pg_stat_get_xact_tuples_returned(lease_index) - lease_before > 1000 then
    perform chiron.remember_walk('leases', {queue}, now_at, began);
  end if;
  if not any_due and not any_lapsed then
    if least(pending_from, sleeping_from) = '-infinity' and pg_stat_get_xact_tuples_returned(due_index) - due_before > 1000 then
      perform chiron.remember_walk('pending', {queue}, now_at, began), chiron.remember_walk('sleeping', {queue}, now_at, began);
    end if;
    return;
  end if;
  if not chiron.owns_absurd() then
    return query select * from chiron.claim_called_{n}(worker, lease_s, qty, code, keep, failure);
    return;
  end if;
  perform {sweep}(now_at, qty);
  began := clock_timestamp();
  due_before := pg_stat_get_xact_tuples_returned(due_index);
  select array_agg(p.run_id), array_agg(p.task_id), array_agg(p.attempt), array_agg(p.due_at)
  into picked, picked_tasks, numbers, due_ats
  from {pick}(now_at, qty, pending_from, sleeping_from) p;
  if least(pending_from, sleeping_from) = '-infinity'
    and pg_stat_get_xact_tuples_returned(due_index) - due_before > 1000 + 4 * qty
  then
    -- Nothing that is due stands before the first that was found.
    perform chiron.remember_walk('pending', {queue}, coalesce(due_ats[1], now_at), began),
            chiron.remember_walk('sleeping', {queue}, coalesce(due_ats[1], now_at), began);
  end if;
  if picked is null then
    return;
  end if;
  select array_agg(x.task_id) into free_tasks from (
    select t.task_id from {tasks} t
    where t.task_id = any (picked_tasks) and (t.state in ('pending', 'running', 'sleeping')) is true for update skip locked) x;
  if free_tasks is null then
    return;
  elsif cardinality(free_tasks) < cardinality(picked_tasks) then
    select array_agg(p.run_id order by p.place), array_agg(p.task_id order by p.place), array_agg(p.attempt order by p.place),
           array_agg(p.due_at order by p.place)
    into picked, picked_tasks, numbers, due_ats
    from unnest(picked, picked_tasks, numbers, due_ats) with ordinality p (run_id, task_id, attempt, due_at, place)
    where p.task_id = any (free_tasks);
  end if;
  with runs as (
    update {runs} r
    set state = 'running', claimed_by = worker, started_at = now_at, available_at = now_at,
        claim_expires_at = now_at + make_interval(secs => lease_s)
    where r.run_id = any (picked)
  ), tasks as (
    update {tasks} t
    set state = 'running', attempts = greatest(t.attempts, p.attempt), last_attempt_run = p.run_id,
        first_started_at = coalesce(t.first_started_at, now_at)
    from unnest(picked, picked_tasks, numbers) p (run_id, task_id, attempt)
    where t.task_id = any (picked_tasks) and t.task_id = p.task_id
  )
  delete from {waits} w where w.run_id = any (picked) and w.timeout_at <= now_at;
  -- A task that is new to Chiron, or has a past, is brought up to date first.
  select bool_and(k.recorded = 0 and not exists (select 1 from chiron.waits w where w.task_id = k.task_id)) is true
    and count(*) = cardinality(picked_tasks)
  into all_plain from chiron.tasks k where k.task_id = any (picked_tasks);
  runs := case when all_plain then picked else chiron.prepare_claimed_{n}(picked, picked_tasks, now_at) end;
  update chiron.tasks k
  set updated_at = now_at, pinned = coalesce(k.pinned, code),
      generation = case when r.attempt = 1 then coalesce(case when keep then k.pinned end, code, k.generation) else k.generation end
  from unnest(picked, picked_tasks, numbers) r (run_id, task_id, attempt)
  where k.task_id = any (picked_tasks) and k.task_id = r.task_id and r.run_id = any (runs);
  if not all_plain or 1 < any (numbers) then
    insert into chiron.runs as x (run_id, task_id, started_at, generation)
    select r.run_id, r.task_id, now_at, coalesce(case when keep then k.pinned end, code)
    from {runs} r join chiron.tasks k on k.task_id = r.task_id where r.run_id = any (runs) and r.attempt > 1
    on conflict (run_id) do update
    set started_at = coalesce(x.started_at, excluded.started_at), generation = coalesce(excluded.generation, x.generation);
  end if;
  return query
    select p.run_id, p.task_id, k.workflow_name, k.input,
           case when k.input is null then coalesce((t.params -> 'input')::text, 'null') end,
           p.attempt, t.max_attempts, chiron.ms(now_at + make_interval(secs => lease_s)), k.harness_type, k.pinned, chiron.ms(p.due_at),
           case when k.recorded > 0 then chiron.recorded_{n}(p.task_id) else '[]' end
    from unnest(picked, picked_tasks, numbers, due_ats) with ordinality as p (run_id, task_id, attempt, due_at, place)
    cross join lateral (select * from {tasks} x where x.task_id = p.task_id offset 0) t
    cross join lateral (select * from chiron.tasks x where x.task_id = p.task_id offset 0) k
    where p.run_id = any (runs)
    order by p.place;
end $body$, true);

insert into chiron.migrations (id, name) values (18, 'quick_claims');
commit;
