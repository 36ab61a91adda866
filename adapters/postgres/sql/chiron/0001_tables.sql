-- What Chiron knows beyond the tables of schema "absurd": causes, order, exact values, waits, start keys, events, logs and API keys.
-- A value is here only where jsonb would change it; else it is the natural JSON in absurd's own tables. One transaction a file, in
-- order; each notes itself in chiron.migrations. A released file is never edited.
begin;

create schema if not exists chiron;

create table chiron.migrations (
  id         integer primary key,
  name       text not null,
  applied_at timestamptz not null default now()
);

-- The queues this installation serves, in the order in which they are asked; takes_events: whether an emit reaches its runs.
create table chiron.queues (
  queue        text primary key,
  -- Ends the names of the queue's own functions.
  number       integer generated always as identity unique,
  position     integer not null,
  takes_events boolean not null
);

-- Functions that exist once for every queue, see 0002.
create table chiron.templates (
  name      text primary key,
  arguments text not null,
  returns   text not null,
  entry     boolean not null,
  body      text not null
);

create table chiron.tasks (
  task_id        uuid primary key,
  -- The order of creation: the ids of one millisecond have none.
  seq            bigint generated always as identity,
  queue          text not null,
  workflow_name  text not null,
  -- The name as a JSON text, where it holds characters a text of Postgres cannot.
  name_json      text,
  cause_kind     text not null,
  cause_ref      text,
  parent_task_id uuid,
  harness_type   text,
  input          text,
  output         text,
  -- The code that ran the first attempt; of later ones it is in chiron.runs.
  generation     text,
  -- Checkpoints so far: the last one's seq.
  recorded       integer not null default 0,
  -- How it ended; may lag behind absurd's tables when another program ended it, until the next sweep.
  ended          text check (ended in ('completed', 'failed', 'cancelled')),
  created_at     timestamptz not null,
  updated_at     timestamptz not null,
  finished_at    timestamptz,
  -- Which call of which process made it: tells a commit whose answer was lost from one that never was.
  ticket         text,
  check ((ended is null) = (finished_at is null))
) with (fillfactor = 70);
create unique index tasks_seq on chiron.tasks (seq);
create index tasks_by_name on chiron.tasks (workflow_name, seq);
create index tasks_live on chiron.tasks (workflow_name, seq) where ended is null;
create index tasks_unlucky on chiron.tasks (ended, seq) where ended in ('failed', 'cancelled');
create index tasks_by_parent on chiron.tasks (parent_task_id, seq) where parent_task_id is not null;
create index tasks_finished on chiron.tasks (finished_at) where finished_at is not null;

-- Later attempts, and failures that jsonb would change.
create table chiron.runs (
  run_id     uuid primary key,
  task_id    uuid not null,
  -- The first start; absurd's own column follows the newest claim. Of a first attempt absurd's task says it.
  started_at timestamptz,
  generation text,
  failure    text
) with (fillfactor = 70);
create index runs_by_task on chiron.runs (task_id);

create table chiron.checkpoints (
  task_id      uuid not null,
  name         text not null,
  seq          integer not null,
  kind         text not null check (kind in ('step', 'sleep', 'event', 'task', 'timeout')),
  owner_run_id uuid not null,
  attempt      integer not null,
  created_at   timestamptz not null,
  duration_ms  double precision not null,
  position     text,
  value        text,
  primary key (task_id, name)
);

create table chiron.waits (
  task_id     uuid not null,
  step        text not null,
  queue       text not null,
  kind        text not null check (kind in ('sleep', 'event', 'task')),
  target      text,
  deadline_at timestamptz,
  created_at  timestamptz not null,
  primary key (task_id, step)
);
create index waits_by_target on chiron.waits (target, kind) where target is not null;

-- For every queue at once, always as exact text; fate says what jsonb does to it (see chiron.natural).
create table chiron.events (
  name       text primary key,
  payload    text not null,
  fate       integer not null,
  emitted_at timestamptz not null,
  ticket     text
);

-- Outlives its task: run_id and attempt are filled in when retention deletes it.
create table chiron.start_keys (
  queue   text not null,
  key     text not null,
  task_id uuid,
  run_id  uuid,
  attempt integer,
  primary key (queue, key)
);

create table chiron.logs (
  id      bigint generated always as identity primary key,
  task_id uuid not null,
  run_id  uuid not null,
  at      timestamptz not null,
  level   text not null check (level in ('debug', 'info', 'warn', 'error')),
  source  text not null check (source in ('log', 'stdout', 'stderr', 'chiron')),
  message text not null,
  fields  text
);
create index logs_by_task on chiron.logs (task_id, id);

create table chiron.api_keys (
  id           text primary key,
  name         text not null,
  scope        text not null check (scope in ('read', 'write', 'admin')),
  hash         text not null unique,
  created_at   timestamptz not null,
  last_used_at timestamptz
);

insert into chiron.migrations (id, name) values (1, 'tables');
commit;
