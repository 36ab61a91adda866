-- What runs reached outside: messages, tool calls, agent turns.
BEGIN IMMEDIATE;

CREATE TABLE effects (
  id            TEXT NOT NULL PRIMARY KEY, -- rises with time
  task_id       TEXT NOT NULL,
  run_id        TEXT NOT NULL,
  workflow_name TEXT NOT NULL,
  kind          TEXT NOT NULL,
  call_type     TEXT NOT NULL,
  target        TEXT,
  ordinal       TEXT NOT NULL,
  key           TEXT,
  nature        TEXT NOT NULL CHECK (nature IN ('real', 'stubbed', 'recorded')),
  answered_by   TEXT NOT NULL,
  state         TEXT NOT NULL CHECK (state IN ('started', 'done', 'failed')),
  started_at    INTEGER NOT NULL,
  finished_at   INTEGER,
  error         TEXT,
  progress      TEXT,
  request       TEXT,
  answer        TEXT,
  CHECK ((state = 'started') = (finished_at IS NULL))
);
CREATE INDEX effects_by_task ON effects (task_id, id);
-- Few at any time: what an earlier attempt at a call left without an end is found here.
CREATE INDEX effects_open ON effects (task_id, call_type, ordinal) WHERE state = 'started';

PRAGMA user_version = 4;
COMMIT;
