-- Tasks, their runs, what runs recorded and wait for, events, start keys, logs and API keys.
-- A task's state is its newest run's state; only how it ended is on the task itself. Times are ms since the epoch, values JSON text.
BEGIN IMMEDIATE;

CREATE TABLE tasks (
  task_id         TEXT NOT NULL PRIMARY KEY,
  queue           TEXT NOT NULL,
  workflow_name   TEXT NOT NULL,
  idempotency_key TEXT,
  max_attempts    INTEGER NOT NULL CHECK (max_attempts >= 1),
  attempts        INTEGER NOT NULL,
  last_run_id     TEXT NOT NULL,
  ended           TEXT CHECK (ended IN ('completed', 'failed', 'cancelled')),
  cause_kind      TEXT NOT NULL,
  cause_ref       TEXT,
  parent_task_id  TEXT,
  harness_type    TEXT,
  created_at      INTEGER NOT NULL,
  finished_at     INTEGER,
  input           TEXT NOT NULL,
  output          TEXT,
  CHECK ((ended IS NULL) = (finished_at IS NULL)),
  CHECK ((output IS NOT NULL) = (ended IS 'completed'))
);
-- One index for unfinished tasks by workflow, lists by outcome, counts and retention: all answered without touching the rows.
CREATE INDEX tasks_by_end ON tasks (ended, workflow_name, task_id, queue, finished_at);
CREATE INDEX tasks_by_parent ON tasks (parent_task_id, task_id) WHERE parent_task_id IS NOT NULL;

CREATE TABLE runs (
  run_id       TEXT NOT NULL PRIMARY KEY,
  task_id      TEXT NOT NULL,
  attempt      INTEGER NOT NULL,
  queue        TEXT NOT NULL,
  state        TEXT NOT NULL CHECK (state IN ('pending', 'running', 'sleeping', 'completed', 'failed', 'cancelled')),
  available_at INTEGER,
  claim_token  TEXT,
  lease_until  INTEGER,
  recorded     INTEGER NOT NULL, -- the task's checkpoints so far: the last one's seq
  generation   TEXT,
  created_at   INTEGER NOT NULL,
  updated_at   INTEGER NOT NULL,
  started_at   INTEGER,
  finished_at  INTEGER,
  failure      TEXT,
  UNIQUE (task_id, attempt),
  CHECK ((state = 'running') = (claim_token IS NOT NULL)),
  CHECK ((state = 'running') = (lease_until IS NOT NULL)),
  CHECK ((state IN ('completed', 'failed', 'cancelled')) = (finished_at IS NOT NULL)),
  CHECK ((state = 'failed') = (failure IS NOT NULL))
);
-- Partial, so that finished runs are in neither: a claim costs the same after 100,000 of them.
CREATE INDEX runs_due ON runs (queue, available_at, run_id) WHERE state IN ('pending', 'sleeping');
-- Without lease_until, so that renewing a lease writes no index.
CREATE INDEX runs_claimed ON runs (queue) WHERE state = 'running';

CREATE TABLE checkpoints (
  task_id      TEXT NOT NULL,
  name         TEXT NOT NULL,
  seq          INTEGER NOT NULL,
  kind         TEXT NOT NULL CHECK (kind IN ('step', 'sleep', 'event', 'task', 'timeout')),
  owner_run_id TEXT NOT NULL,
  attempt      INTEGER NOT NULL,
  created_at   INTEGER NOT NULL,
  duration_ms  REAL NOT NULL,
  position     TEXT,
  value        TEXT NOT NULL,
  PRIMARY KEY (task_id, name)
) WITHOUT ROWID;

CREATE TABLE waits (
  task_id     TEXT NOT NULL,
  step        TEXT NOT NULL,
  kind        TEXT NOT NULL CHECK (kind IN ('sleep', 'event', 'task')),
  target      TEXT,
  deadline_at INTEGER,
  created_at  INTEGER NOT NULL,
  PRIMARY KEY (task_id, step)
) WITHOUT ROWID;
CREATE INDEX waits_by_target ON waits (target, kind) WHERE target IS NOT NULL;

CREATE TABLE events (
  name       TEXT NOT NULL PRIMARY KEY,
  emitted_at INTEGER NOT NULL,
  payload    TEXT NOT NULL
) WITHOUT ROWID;

-- Outlives its task: run_id and attempt are filled in when retention deletes it.
CREATE TABLE start_keys (
  queue   TEXT NOT NULL,
  key     TEXT NOT NULL,
  task_id TEXT NOT NULL,
  run_id  TEXT,
  attempt INTEGER,
  PRIMARY KEY (queue, key)
) WITHOUT ROWID;

CREATE TABLE logs (
  id      INTEGER PRIMARY KEY,
  task_id TEXT NOT NULL,
  run_id  TEXT NOT NULL,
  at      INTEGER NOT NULL,
  level   TEXT NOT NULL CHECK (level IN ('debug', 'info', 'warn', 'error')),
  source  TEXT NOT NULL CHECK (source IN ('log', 'stdout', 'stderr', 'chiron')),
  message TEXT NOT NULL,
  fields  TEXT
);
CREATE INDEX logs_by_task ON logs (task_id);

CREATE TABLE api_keys (
  id           TEXT NOT NULL PRIMARY KEY,
  name         TEXT NOT NULL,
  scope        TEXT NOT NULL CHECK (scope IN ('read', 'write', 'admin')),
  hash         TEXT NOT NULL UNIQUE,
  created_at   INTEGER NOT NULL,
  last_used_at INTEGER
) WITHOUT ROWID;

CREATE TABLE meta (
  key   TEXT NOT NULL PRIMARY KEY,
  value TEXT NOT NULL
) WITHOUT ROWID;

PRAGMA application_id = 1130918510; -- "Chrn"
PRAGMA user_version = 1;
COMMIT;
