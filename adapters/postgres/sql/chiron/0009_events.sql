-- Events: the first emit of a name wins, for every queue at once, and wakes everybody who waits for it in the same transaction.
begin;

-- A run that is about to wait holds its queue's event row: an emit owns it before it looks who waits.
select chiron.define('own_event', 'p_name text', 'void', $body$
begin
  insert into {events} (event_name, payload, emitted_at) values (p_name, null, 'epoch') on conflict do nothing;
  perform 1 from {events} e where e.event_name = p_name for update;
end $body$);

-- `ticket` names this call; `again`: it was sent before and its answer was lost, so an event that bears the ticket is its own.
create function chiron.emit(members json, p_ticket text, again boolean)
returns table (n integer, first boolean, woken json)
language plpgsql
set enable_seqscan = off set jit = off set plan_cache_mode = force_generic_plan
as $$
declare
  m record;
  q record;
  now_at timestamptz;
begin
  for m in select * from json_to_recordset(members) as x(n integer, name text, payload text, fate integer) order by x.name, x.n loop
    n := m.n;
    woken := '[]';
    now_at := absurd.current_time();
    insert into chiron.events (name, payload, fate, emitted_at, ticket)
    values (m.name, m.payload, m.fate, now_at, p_ticket || '.' || m.n) on conflict do nothing;
    first := found;
    if first then
      for q in select number from chiron.queues where takes_events order by position loop
        execute format('select chiron.own_event_%s($1)', q.number) using m.name;
      end loop;
      woken := (select coalesce(json_agg(r), '[]') from chiron.resolve('event', m.name, m.payload, m.fate, now_at) r);
      for q in select queue from chiron.queues where takes_events order by position loop
        perform absurd.emit_event(q.queue, m.name, chiron.natural(m.payload, m.fate));
      end loop;
    elsif again then
      first := exists (select 1 from chiron.events e where e.name = m.name and e.ticket = p_ticket || '.' || m.n);
    end if;
    return next;
  end loop;
end $$;

-- An event by its name, whoever emitted it.
create function chiron.find_event(p_name text) returns table (value text, emitted_at double precision)
language plpgsql stable as $$
declare
  q text;
begin
  return query select e.payload, chiron.ms(e.emitted_at) from chiron.events e where e.name = p_name;
  if found then
    return;
  end if;
  for q in select queue from chiron.queues order by position loop
    return query execute format(
      'select chiron.compact(payload), chiron.ms(emitted_at) from %s where event_name = $1 and payload is not null',
      chiron.relation('e_', q)) using p_name;
    if found then
      return;
    end if;
  end loop;
end $$;

insert into chiron.migrations (id, name) values (9, 'events');
commit;
