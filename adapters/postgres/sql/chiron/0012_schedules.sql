-- Schedules as last declared, how far each is accounted, and what became of its occurrences. Accounting an occurrence, recording it and
-- starting its task is one transaction; of processes that try at once the first one's stands.
begin;

-- version rises with every change of the row; a change names the one it was made from.
create table chiron.schedules (
  schedule_id   text primary key,
  version       bigint not null,
  revision      integer not null,
  state         text not null check (state in ('active', 'disabled', 'removed')),
  paused_at     timestamptz,
  anchor_at     timestamptz not null,
  accounted_to  timestamptz not null,
  next_at       timestamptz,
  due_at        timestamptz,
  missing_since timestamptz,
  created_at    timestamptz not null,
  updated_at    timestamptz not null,
  workflow_name text not null,
  -- As JSON.
  definition    text not null,
  -- The row in absurd's queue of schedules that tells the next fire.
  tick_task     uuid
);
create index schedules_due on chiron.schedules (due_at) where state = 'active' and paused_at is null;

-- at and to_at differ for several that were skipped for one reason; number is how many, null when they were too many to be counted.
create table chiron.occurrences (
  seq          bigint generated always as identity primary key,
  schedule_id  text not null,
  at           timestamptz not null,
  to_at        timestamptz not null,
  number       bigint,
  source       text not null check (source in ('schedule', 'manual', 'backfill')),
  outcome      text not null check (outcome in ('fired', 'held', 'skipped')),
  reason       text,
  fire_key     text,
  task_id      uuid,
  -- The overlap rule looks at its task, which may be unfinished.
  tracked      boolean not null,
  revision     integer not null,
  accounted_at timestamptz not null,
  check ((outcome = 'skipped') = (reason is not null)),
  check ((outcome = 'fired') = (task_id is not null))
);
create index occurrences_by_schedule on chiron.occurrences (schedule_id, seq);
create unique index occurrences_by_key on chiron.occurrences (schedule_id, fire_key) where fire_key is not null;
create index occurrences_held on chiron.occurrences (schedule_id) where outcome = 'held';
create index occurrences_tracked on chiron.occurrences (schedule_id, task_id) where tracked;
create index occurrences_by_age on chiron.occurrences (accounted_at);

-- Sets of schedules that processes declare: of those that live processes declare the one that was first declared last is in force.
-- Which one that is, is counted and not timed: clocks step.
create sequence chiron.schedule_declarations;
create table chiron.schedule_sets (
  digest      text primary key,
  declaration bigint not null,
  seen_at     timestamptz not null
);

create function chiron.announce_schedules(p_digest text, p_changed boolean) returns boolean
language plpgsql as $$
declare
  now_at timestamptz := absurd.current_time();
begin
  -- p_changed: this process declared another set before, so its files were edited, perhaps back to what they were. Else a set that was away
  -- for ten minutes and comes back is a new declaration (a rollback); one that was away for less is a replica that restarted in the middle
  -- of a deploy.
  insert into chiron.schedule_sets as s (digest, declaration, seen_at)
  values (p_digest, nextval('chiron.schedule_declarations'), now_at)
  on conflict (digest) do update
  set declaration = case when p_changed or s.seen_at < now_at - interval '10 minutes' then excluded.declaration else s.declaration end,
      seen_at = now_at;
  delete from chiron.schedule_sets where seen_at < now_at - interval '1 day';
  return p_digest = (
    select s.digest from chiron.schedule_sets s where s.seen_at > now_at - interval '1 minute' order by s.declaration desc limit 1);
end $$;

-- Keeps one sleeping task in absurd's queue of schedules that says when the schedule fires next, for whoever looks there. Nothing reads
-- it and nobody claims it, so whatever keeps it from being written is no reason to hold up a fire.
create function chiron.keep_tick(p_id text) returns void
language plpgsql as $$
declare
  s chiron.schedules;
  q constant text := 'centaur_workflow_schedules';
  about jsonb;
  task uuid;
  run uuid;
begin
  select * into s from chiron.schedules where schedule_id = p_id;
  if to_regclass(chiron.relation('t_', q)) is null then
    return;
  end if;
  if s.state <> 'active' or s.paused_at is not null or s.due_at is null then
    if s.tick_task is not null then
      execute format('delete from %s where task_id = $1', chiron.relation('r_', q)) using s.tick_task;
      execute format('delete from %s where task_id = $1', chiron.relation('t_', q)) using s.tick_task;
      update chiron.schedules set tick_task = null where schedule_id = p_id;
    end if;
    return;
  end if;
  about := jsonb_build_object('schedule_id', s.schedule_id, 'workflow_name', s.workflow_name, 'scheduled_at', s.next_at);
  if s.tick_task is not null then
    execute format('update %s set state = ''sleeping'', available_at = $2, claimed_by = null, claim_expires_at = null
      where task_id = $1 and state in (''pending'', ''sleeping'', ''running'') returning run_id', chiron.relation('r_', q))
      into run using s.tick_task, s.due_at;
    if run is not null then
      execute format('update %s set state = ''sleeping'', params = $2 where task_id = $1', chiron.relation('t_', q))
        using s.tick_task, about;
      return;
    end if;
  end if;
  select t.task_id, t.run_id into task, run from absurd.spawn_task(q, 'centaur.workflow.schedule_tick', about,
    '{"max_attempts": 10, "retry_strategy": {"kind": "fixed", "base_seconds": 30}}') t;
  execute format('update %s set state = ''sleeping'', available_at = $2 where run_id = $1', chiron.relation('r_', q)) using run, s.due_at;
  execute format('update %s set state = ''sleeping'' where task_id = $1', chiron.relation('t_', q)) using task;
  update chiron.schedules set tick_task = task where schedule_id = p_id;
exception when insufficient_privilege or undefined_table or undefined_column or undefined_function or data_exception then
  raise notice 'schedule "%": its row in the queue % was not written', p_id, q;
end $$;

-- Members in the order of their ids, so that two processes never wait for each other. Version 0: there must be none yet.
create function chiron.declare_schedules(members json) returns table (n integer, done boolean)
language plpgsql as $$
declare
  m record;
  now_at timestamptz := absurd.current_time();
begin
  for m in
    select * from json_to_recordset(members) as x(n integer, id text, version bigint, revision integer, state text,
      paused_at double precision, anchor_at double precision, accounted_to double precision, next_at double precision,
      due_at double precision, missing_since double precision, workflow text, definition text) order by x.id, x.n
  loop
    n := m.n;
    if m.version = 0 then
      insert into chiron.schedules (schedule_id, version, revision, state, paused_at, anchor_at, accounted_to, next_at, due_at,
        missing_since, created_at, updated_at, workflow_name, definition)
      values (m.id, 1, m.revision, m.state, chiron.at(m.paused_at), chiron.at(m.anchor_at), chiron.at(m.accounted_to),
        chiron.at(m.next_at), chiron.at(m.due_at), chiron.at(m.missing_since), now_at, now_at, m.workflow, m.definition)
      on conflict do nothing;
    else
      update chiron.schedules s
      set version = s.version + 1, revision = m.revision, state = m.state, paused_at = chiron.at(m.paused_at),
          anchor_at = chiron.at(m.anchor_at), accounted_to = chiron.at(m.accounted_to), next_at = chiron.at(m.next_at),
          due_at = chiron.at(m.due_at), missing_since = chiron.at(m.missing_since), updated_at = now_at, workflow_name = m.workflow,
          definition = m.definition
      where s.schedule_id = m.id and s.version = m.version;
    end if;
    done := found;
    if done then
      perform chiron.keep_tick(m.id);
    end if;
    return next;
  end loop;
end $$;

-- What became of one occurrence, or of several that were skipped for one reason; skipped ones continue the newest record when that says
-- the same of the ones before them, and one that was held is settled.
create function chiron.record_occurrence(p_id text, p_revision integer, said json, p_task uuid, now_at timestamptz) returns void
language plpgsql as $$
declare
  r record;
begin
  select * into r from json_to_record(said) as x(at double precision, "to" double precision, number bigint, source text, outcome text,
    reason text, key text, tracked boolean);
  if r.key is not null then
    update chiron.occurrences o set outcome = r.outcome, reason = r.reason, task_id = p_task, tracked = r.tracked, accounted_at = now_at
    where o.schedule_id = p_id and o.fire_key = r.key and o.outcome = 'held';
  else
    update chiron.occurrences o set to_at = chiron.at(r."to"), number = o.number + r.number, accounted_at = now_at
    where o.seq = (select max(x.seq) from chiron.occurrences x where x.schedule_id = p_id) and o.outcome = 'skipped'
      and o.source = r.source and o.reason = r.reason and o.revision = p_revision and o.fire_key is null;
  end if;
  if not found then
    insert into chiron.occurrences (schedule_id, at, to_at, number, source, outcome, reason, fire_key, task_id, tracked, revision,
      accounted_at)
    values (p_id, chiron.at(r.at), chiron.at(r."to"), r.number, r.source, r.outcome, r.reason, r.key, p_task, r.tracked, p_revision,
      now_at)
    on conflict do nothing;
  end if;
end $$;

create function chiron.account_schedules(members json, p_ticket text) returns table (n integer, done boolean, started json)
language plpgsql
set enable_seqscan = off set jit = off set plan_cache_mode = force_generic_plan
as $$
declare
  m record;
  r record;
  made record;
  begun json[];
  current_revision integer;
  queue_number integer;
  now_at timestamptz;
begin
  for m in
    select * from json_to_recordset(members) as x(n integer, id text, version bigint, accounted_to double precision,
      next_at double precision, due_at double precision, records json) order by x.id, x.n
  loop
    n := m.n;
    begun := '{}';
    now_at := absurd.current_time();
    update chiron.schedules s
    set version = s.version + 1, accounted_to = chiron.at(m.accounted_to), next_at = chiron.at(m.next_at), due_at = chiron.at(m.due_at),
        updated_at = now_at
    where s.schedule_id = m.id and s.version = m.version returning s.revision into current_revision;
    done := found;
    if done then
      -- Tasks that have ended need not be looked at again.
      update chiron.occurrences o set tracked = false
      where o.schedule_id = m.id and o.tracked
        and not exists (select 1 from chiron.tasks k where k.task_id = o.task_id and k.ended is null);
      for r in select e.value as said, e.value -> 'task' as task, e.place from json_array_elements(m.records) with ordinality as e(value, place) loop
        made := null;
        if json_typeof(r.task) = 'object' then
          select q.number into queue_number from chiron.queues q where q.queue = r.task ->> 'queue';
          execute format('select * from chiron.enqueue_%s($1, $2, false)', queue_number)
            into made using json_build_array(r.task), format('%s.%s.%s', p_ticket, m.n, r.place);
          begun := begun || json_build_array(made.task_id, made.run_id, made.attempt, made.created);
          perform chiron.record_occurrence(m.id, current_revision, r.said, made.task_id, now_at);
        else
          perform chiron.record_occurrence(m.id, current_revision, r.said, null, now_at);
        end if;
      end loop;
      perform chiron.keep_tick(m.id);
    end if;
    started := array_to_json(begun);
    return next;
  end loop;
end $$;

-- A held record is work to be done, not history.
create function chiron.forget_occurrences(before_ms double precision, max_records integer) returns integer
language plpgsql as $$
declare
  total integer;
begin
  delete from chiron.occurrences where seq in (
    select o.seq from chiron.occurrences o where o.accounted_at < chiron.at(before_ms) and o.outcome <> 'held'
    order by o.accounted_at limit max_records);
  get diagnostics total = row_count;
  return total;
end $$;

insert into chiron.migrations (id, name) values (12, 'schedules');
commit;
