-- What runs reached outside: messages, tool calls, agent turns. Values are exact JSON texts: nobody but Chiron reads them.
begin;

create table chiron.effects (
  id            uuid primary key, -- rises with time
  task_id       uuid not null,
  run_id        uuid not null,
  workflow_name text not null,
  kind          text not null,
  call_type     text not null,
  target        text,
  ordinal       text not null,
  key           text,
  nature        text not null check (nature in ('real', 'stubbed', 'recorded')),
  answered_by   text not null,
  state         text not null check (state in ('started', 'done', 'failed')),
  started_at    timestamptz not null,
  finished_at   timestamptz,
  error         text,
  progress      text,
  request       text,
  answer        text,
  check ((state = 'started') = (finished_at is null))
);
create index effects_by_task on chiron.effects (task_id, id);
create index effects_open on chiron.effects (task_id, call_type, ordinal) where state = 'started';

-- Whoever deletes a task, and however: what it reached outside goes with it.
create function chiron.forget_effects() returns trigger language plpgsql as $$
begin
  delete from chiron.effects e using gone where e.task_id = gone.task_id;
  return null;
end $$;
create trigger forget_effects after delete on chiron.tasks referencing old table as gone
for each statement execute function chiron.forget_effects();

insert into chiron.migrations (id, name) values (13, 'effects');
commit;
