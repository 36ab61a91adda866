-- Times, values and queues: the small things every other function stands on. Functions that touch a queue's tables are templates, made
-- once for each queue, so that their plans are kept: planning at every call would cost many times what the call does.
begin;

-- Milliseconds since the epoch; null for "never".
create function chiron.ms(at timestamptz) returns double precision
language sql immutable as $$
  select case when isfinite(at) then round(extract(epoch from date_trunc('milliseconds', at)) * 1000)::double precision end
$$;

create function chiron.at(ms double precision) returns timestamptz
language sql immutable as $$
  select to_timestamp(ms / 1000.0)
$$;

-- An instant `delay` ms after now, on a whole millisecond; now itself for none.
create function chiron.after(now_at timestamptz, delay double precision) returns timestamptz
language sql immutable as $$
  select case when delay > 0 then date_trunc('milliseconds', now_at) + make_interval(secs => delay / 1000) else now_at end
$$;

-- A JSON text as the jsonb that other programs read. fate: 0 it comes back as it was, 1 jsonb changes it, 2 jsonb cannot hold it.
create function chiron.natural(value text, fate integer) returns jsonb
language sql immutable as $$
  select case when fate = 2 then '{"$chiron": "exact"}'::jsonb else value::jsonb end
$$;

-- The text that has to be kept beside the natural form.
create function chiron.exact(value text, fate integer) returns text
language sql immutable as $$
  select case when fate > 0 then value end
$$;

-- A jsonb as the text it was made from, for texts of fate 0: without the spaces that Postgres puts behind colons and commas.
create function chiron.compact(value jsonb) returns text
language sql immutable as $$
  select regexp_replace(value::text, '("(?:[^"\\]|\\.)*")| ', '\1', 'g')
$$;

create function chiron.relation(prefix text, q text) returns text
language sql immutable as $$
  select format('absurd.%I', prefix || q)
$$;

-- {tasks} {runs} {checkpoints} {events} {waits} are the queue's tables, {queue} its name as a literal, {n} the end of the names of its
-- functions. What is called from outside keeps to the plans that indexes give, and keeps them: the tables are queues, whose statistics
-- are always late. Everything it calls inherits that.
create function chiron.make_function(t chiron.templates, q chiron.queues) returns void
language plpgsql as $make$
declare
  text_of text := t.body;
  pair record;
begin
  for pair in
    select * from (values
      ('{tasks}', chiron.relation('t_', q.queue)), ('{runs}', chiron.relation('r_', q.queue)),
      ('{checkpoints}', chiron.relation('c_', q.queue)), ('{events}', chiron.relation('e_', q.queue)),
      ('{waits}', chiron.relation('w_', q.queue)), ('{queue}', quote_literal(q.queue)), ('{n}', q.number::text)) as v(mark, value)
  loop
    text_of := replace(text_of, pair.mark, pair.value);
  end loop;
  execute format('drop function if exists chiron.%I', t.name || '_' || q.number);
  execute format(
    'create function chiron.%I(%s) returns %s language plpgsql %s as %L', t.name || '_' || q.number, t.arguments, t.returns,
    case when t.entry then 'set enable_seqscan = off set jit = off set plan_cache_mode = force_generic_plan' else '' end, text_of);
end $make$;

-- Defines a function for every queue there is and will be; p_entry: one that is called from outside.
create function chiron.define(p_name text, p_arguments text, p_returns text, p_body text, p_entry boolean default false) returns void
language plpgsql as $$
declare
  made chiron.templates;
  q chiron.queues;
begin
  insert into chiron.templates as t (name, arguments, returns, entry, body) values (p_name, p_arguments, p_returns, p_entry, p_body)
  on conflict (name) do update
  set arguments = excluded.arguments, returns = excluded.returns, entry = excluded.entry, body = excluded.body
  returning t.* into made;
  for q in select * from chiron.queues loop
    perform chiron.make_function(made, q);
  end loop;
end $$;

-- The queue and number of a run, or of a task.
create function chiron.find_run(run uuid) returns chiron.queues
language plpgsql stable as $$
declare
  q chiron.queues;
  hit integer;
begin
  for q in select * from chiron.queues order by position loop
    execute format('select 1 from %s where run_id = $1', chiron.relation('r_', q.queue)) into hit using run;
    if hit is not null then
      return q;
    end if;
  end loop;
  return null;
end $$;

create function chiron.find_task(task uuid) returns chiron.queues
language plpgsql stable as $$
declare
  q chiron.queues;
  hit integer;
begin
  select s.* into q from chiron.tasks k join chiron.queues s on s.queue = k.queue where k.task_id = task;
  if found then
    return q;
  end if;
  for q in select * from chiron.queues order by position loop
    execute format('select 1 from %s where task_id = $1', chiron.relation('t_', q.queue)) into hit using task;
    if hit is not null then
      return q;
    end if;
  end loop;
  return null;
end $$;

-- Brings tasks that other programs spawned (or that were there before Chiron) under its eyes, with what they have recorded.
create function chiron.adopt(q text, only_tasks uuid[] default null) returns void
language plpgsql as $$
begin
  execute format(
    'with found as (
       select t.task_id, t.params ->> ''workflow_name'' as workflow_name, t.params ->> ''harness_type'' as harness_type, t.enqueue_at,
              t.state in (''completed'', ''failed'', ''cancelled'') as over, t.state,
              coalesce(r.completed_at, r.failed_at, t.cancelled_at, r.started_at, t.enqueue_at) as touched_at
       from %1$s t left join %2$s r on r.run_id = t.last_attempt_run
       where t.task_name = ''centaur.workflow'' and t.params ->> ''workflow_name'' is not null
         and ($2 is null or t.task_id = any ($2))
         and not exists (select 1 from chiron.tasks k where k.task_id = t.task_id)
     ), made as (
       insert into chiron.tasks (task_id, queue, workflow_name, cause_kind, harness_type, recorded, ended, created_at, updated_at,
                                 finished_at)
       select task_id, $1, workflow_name, ''api'', harness_type,
              (select count(*) from %3$s c where c.task_id = found.task_id and c.status = ''committed''),
              case when over then state end, enqueue_at, touched_at, case when over then touched_at end
       from found order by task_id
       on conflict do nothing returning task_id
     )
     insert into chiron.checkpoints (task_id, name, seq, kind, owner_run_id, attempt, created_at, duration_ms)
     select c.task_id, regexp_replace(c.checkpoint_name, ''\$timeout$'', ''''),
            row_number() over (partition by c.task_id order by c.updated_at, c.checkpoint_name),
            case when c.checkpoint_name like ''%%$timeout'' then ''timeout'' else ''step'' end,
            coalesce(c.owner_run_id, c.task_id), coalesce(r.attempt, 1), c.updated_at, 0
     from %3$s c join made using (task_id) left join %2$s r on r.run_id = c.owner_run_id
     where c.status = ''committed''
     on conflict do nothing',
    chiron.relation('t_', q), chiron.relation('r_', q), chiron.relation('c_', q))
    using q, only_tasks;
end $$;

-- Makes a queue ours to serve. Where the tables belong to another role its additions are left out: they only make things quicker.
create function chiron.serve_queue(q text, place integer, with_events boolean) returns void
language plpgsql as $$
declare
  served chiron.queues;
  t chiron.templates;
begin
  if not exists (select 1 from absurd.queues where queue_name = q) then
    perform absurd.create_queue(q);
  end if;
  insert into chiron.queues as s (queue, position, takes_events) values (q, place, with_events)
  on conflict do nothing returning s.* into served;
  if served.queue is null then
    return;
  end if;
  for t in select * from chiron.templates loop
    perform chiron.make_function(t, served);
  end loop;
  begin
    perform chiron.extend_queue(q);
  exception when insufficient_privilege or undefined_function then
    raise notice 'queue "%": no notifications, due runs are found by asking', q;
  end;
  perform chiron.adopt(q);
end $$;

insert into chiron.migrations (id, name) values (2, 'queues');
commit;
