-- Keeps what is asked all the time as cheap as ever: beside very many tasks that sleep, and while another session holds an old snapshot,
-- so that the dead entries at the beginning of an index pile up. What the walks along an index remember is told in absurd/0005_claim.sql;
-- the two functions stand here as well for databases with Absurd's own schema.
begin;

-- For lists of unfinished tasks of any name.
create index tasks_open on chiron.tasks (seq) where ended is null;

-- Where a walk along one of the indexes may begin.
create or replace function chiron.walk_from(walk text, p_queue_name text) returns timestamptz
language plpgsql volatile as $$
declare
  -- "<mark> <time of the next whole walk>", both as seconds.
  remembered text := current_setting(format('chiron.%s_%s', walk, left(md5(p_queue_name), 16)), true);
begin
  if remembered is null or remembered = '' or split_part(remembered, ' ', 2)::numeric <= extract(epoch from clock_timestamp()) then
    return '-infinity';
  end if;
  return to_timestamp(split_part(remembered, ' ', 1)::double precision);
end $$;

-- Called after a whole walk that was long.
create or replace function chiron.remember_walk(walk text, p_queue_name text, mark timestamptz, walk_began timestamptz) returns void
language plpgsql volatile as $$
declare
  ended timestamptz := clock_timestamp();
begin
  -- A millisecond earlier, because the text of a mark may be rounded.
  perform set_config(
    format('chiron.%s_%s', walk, left(md5(p_queue_name), 16)),
    format('%s %s', extract(epoch from mark) - 0.001, extract(epoch from ended + 20 * (ended - walk_began))), false);
end $$;

-- As in 0006, from the mark on.
select chiron.define('expire', 'failure text, fate integer, max_runs integer',
  'table (run_id uuid, task_id uuid, attempt integer, lease_until timestamptz, task_state text)', $body$
declare
  lapsed record;
  now_at timestamptz := absurd.current_time();
  next_at timestamptz := date_trunc('milliseconds', now_at);
  from_at timestamptz := chiron.walk_from('leases', {queue});
  lease_index oid := to_regclass(chiron.relation('r_', {queue} || '_cei'));
  began timestamptz := clock_timestamp();
  before bigint := pg_stat_get_xact_tuples_returned(lease_index);
begin
  -- The order is asked for so that no index but that of leases will do.
  perform 1 from {runs} r
  where r.state = 'running' and r.claim_expires_at is not null and r.claim_expires_at between from_at and now_at
  order by r.claim_expires_at limit 1;
  if not found then
    if from_at = '-infinity' and pg_stat_get_xact_tuples_returned(lease_index) - before > 1000 then
      perform chiron.remember_walk('leases', {queue}, now_at, began);
    end if;
    return;
  end if;
  for lapsed in
    select r.run_id, r.task_id, r.attempt, r.claim_expires_at from {runs} r left join chiron.tasks k on k.task_id = r.task_id
    where r.state = 'running' and r.claim_expires_at is not null and r.claim_expires_at between from_at and now_at
    order by chiron.ms(r.claim_expires_at), k.seq limit max_runs for update of r skip locked
  loop
    run_id := lapsed.run_id;
    task_id := lapsed.task_id;
    attempt := lapsed.attempt;
    lease_until := lapsed.claim_expires_at;
    -- Due at once, in the order in which they are ended here.
    next_at := least(now_at, next_at + interval '1 microsecond');
    select f.task_state into task_state from chiron.fail_locked_{n}(run_id, failure, fate, next_at, now_at) f;
    return next;
  end loop;
end $body$);

-- As in 0011, from the marks on; a long walk that found nothing is remembered here, one that did by absurd's own claim.
select chiron.define('claim', 'worker text, lease_s integer, qty integer, code text, keep boolean, failure text',
  'table (run_id uuid, task_id uuid, workflow_name text, input text, stored text, attempt integer, max_attempts integer,
          lease_until double precision, harness_type text, pinned text, due_at double precision, recorded json)', $body$
#variable_conflict use_column
declare
  due uuid[];
  due_ats timestamptz[];
  runs uuid[];
  tasks uuid[];
  now_at timestamptz := absurd.current_time();
  pending_from timestamptz := chiron.walk_from('pending', {queue});
  sleeping_from timestamptz := chiron.walk_from('sleeping', {queue});
  due_index oid := to_regclass(chiron.relation('r_', {queue} || '_sai'));
  began timestamptz;
  before bigint;
begin
  -- absurd's claim would do this by itself, but tell nobody.
  perform chiron.expire_{n}(failure, 0, qty);
  began := clock_timestamp();
  before := pg_stat_get_xact_tuples_returned(due_index);
  select array_agg(x.run_id), array_agg(x.available_at) into due, due_ats from (
    (select r.run_id, r.available_at from {runs} r where r.state = 'pending' and r.available_at between pending_from and now_at
     order by r.available_at limit 2 * qty)
    union all
    (select r.run_id, r.available_at from {runs} r where r.state = 'sleeping' and r.available_at between sleeping_from and now_at
     order by r.available_at limit 2 * qty)) x;
  if due is null then
    if least(pending_from, sleeping_from) = '-infinity' and pg_stat_get_xact_tuples_returned(due_index) - before > 1000 then
      perform chiron.remember_walk('pending', {queue}, now_at, began), chiron.remember_walk('sleeping', {queue}, now_at, began);
    end if;
    return;
  end if;
  select array_agg(c.run_id), array_agg(c.task_id) into runs, tasks from absurd.claim_task({queue}, worker, lease_s, qty) c;
  if runs is null then
    return;
  end if;
  runs := chiron.prepare_claimed_{n}(runs, tasks, now_at);
  update chiron.tasks k
  set updated_at = now_at, pinned = coalesce(k.pinned, code),
      generation = case when r.attempt = 1 then coalesce(case when keep then k.pinned end, code, k.generation) else k.generation end
  from {runs} r where r.run_id = any (runs) and k.task_id = r.task_id;
  insert into chiron.runs as x (run_id, task_id, started_at, generation)
  select r.run_id, r.task_id, now_at, coalesce(case when keep then k.pinned end, code)
  from {runs} r join chiron.tasks k on k.task_id = r.task_id where r.run_id = any (runs) and r.attempt > 1
  on conflict (run_id) do update
  set started_at = coalesce(x.started_at, excluded.started_at), generation = coalesce(excluded.generation, x.generation);
  return query
    select r.run_id, r.task_id, k.workflow_name, k.input,
           case when k.input is null then coalesce((t.params -> 'input')::text, 'null') end,
           r.attempt, t.max_attempts, chiron.ms(r.claim_expires_at), k.harness_type, k.pinned, chiron.ms(coalesce(d.due_at, now_at)),
           case when k.recorded > 0 then chiron.recorded_{n}(r.task_id) else '[]' end
    from unnest(runs) with ordinality as u(run_id, place)
    join {runs} r on r.run_id = u.run_id join {tasks} t on t.task_id = r.task_id join chiron.tasks k on k.task_id = r.task_id
    left join unnest(due, due_ats) as d(run_id, due_at) on d.run_id = u.run_id
    order by d.due_at, u.place;
end $body$, true);

-- As in 0006, from the marks on. What it so misses is found by polling.
select chiron.define('next_due', '', 'timestamptz', $body$
declare
  pending_from timestamptz := chiron.walk_from('pending', {queue});
  sleeping_from timestamptz := chiron.walk_from('sleeping', {queue});
begin
  return least(
    (select r.available_at from {runs} r where r.state = 'pending' and r.available_at >= pending_from order by r.available_at limit 1),
    (select r.available_at from {runs} r where r.state = 'sleeping' and r.available_at >= sleeping_from order by r.available_at limit 1));
end $body$);

insert into chiron.migrations (id, name) values (15, 'walks');
commit;
