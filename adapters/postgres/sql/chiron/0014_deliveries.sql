-- Webhook requests as they came, and what became of them. Headers and checks are exact JSON texts: nobody but Chiron reads them.
begin;

create table chiron.deliveries (
  id            uuid primary key, -- rises with time
  slug          text not null,
  workflow_name text not null,
  received_at   timestamptz not null,
  method        text not null,
  url           text not null,
  headers       text not null,
  body_sha256   text not null,
  body_size     integer not null,
  source_ip     text,
  outcome       text not null check (outcome in ('accepted', 'filtered', 'handshake')),
  checks        text not null,
  key           text,
  task_id       uuid,
  created       boolean not null,
  same_body     boolean not null,
  body          bytea not null,
  check ((outcome = 'accepted') = (task_id is not null)),
  check ((outcome = 'accepted') = (key is not null))
);
create index deliveries_by_slug on chiron.deliveries (slug, id);
create index deliveries_by_task on chiron.deliveries (task_id, id) where task_id is not null;
-- Bodies are looked at rarely and are mostly larger than a page: beside the row, not in it.
alter table chiron.deliveries alter column body set storage external;

-- Kept for ever, like start keys: the hash of the first bytes that came with a key.
create table chiron.delivery_keys (
  key         text primary key,
  body_sha256 text not null
);

-- Members as chiron.insert_deliveries takes them.
create type chiron.received as (
  n integer, id uuid, slug text, workflow text, received double precision, method text, url text, headers text, body_sha256 text,
  body_size integer, source_ip text, outcome text, checks text, key text, task uuid, created boolean, same_body boolean, body text
);

-- One function for deliveries that start nothing and, copied from another store, for all. A second sending changes nothing.
create function chiron.insert_deliveries(members json) returns void language sql as $$
  insert into chiron.deliveries (id, slug, workflow_name, received_at, method, url, headers, body_sha256, body_size, source_ip, outcome,
    checks, key, task_id, created, same_body, body)
  select x.id, x.slug, x.workflow, chiron.at(x.received), x.method, x.url, x.headers, x.body_sha256, x.body_size, x.source_ip, x.outcome,
    x.checks, x.key, x.task, x.created, x.same_body, decode(x.body, 'base64')
  from json_populate_recordset(null::chiron.received, members) x
  on conflict (id) do nothing
$$;

-- The deliveries of one queue with the tasks they start. Members are those of chiron.enqueue with the delivery's own fields under "received".
select chiron.define('deliver', 'members json, p_ticket text, again boolean',
  'table (n integer, task_id uuid, run_id uuid, attempt integer, created boolean, same_body boolean)', $body$
#variable_conflict use_column
begin
  -- In one order, so that two processes never wait for each other's keys.
  insert into chiron.delivery_keys (key, body_sha256)
  select distinct on (x.key) x.key, x.received ->> 'body_sha256'
  from json_to_recordset(members) as x(n integer, key text, received json) order by x.key, x.n
  on conflict do nothing;
  return query
  with started as materialized (select * from chiron.enqueue_{n}(members, p_ticket, again)),
  inserted as (
    insert into chiron.deliveries (id, slug, workflow_name, received_at, method, url, headers, body_sha256, body_size, source_ip, outcome,
      checks, key, task_id, created, same_body, body)
    select r.id, r.slug, r.workflow, chiron.at(r.received), r.method, r.url, r.headers, r.body_sha256, r.body_size, r.source_ip, r.outcome,
      r.checks, r.key, s.task_id, s.created, k.body_sha256 = r.body_sha256, decode(r.body, 'base64')
    from json_to_recordset(members) as x(n integer, received json)
    cross join lateral json_populate_record(null::chiron.received, x.received) r
    join started s on s.n = x.n
    join chiron.delivery_keys k on k.key = r.key
    on conflict (id) do nothing
  )
  select s.n, s.task_id, s.run_id, s.attempt, s.created, k.body_sha256 = (x.received ->> 'body_sha256')
  from json_to_recordset(members) as x(n integer, key text, received json)
  join started s on s.n = x.n
  join chiron.delivery_keys k on k.key = x.key;
end $body$, true);

insert into chiron.migrations (id, name) values (14, 'deliveries');
commit;
