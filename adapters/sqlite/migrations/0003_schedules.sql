-- Schedules as last declared, how far each is accounted, and what became of its occurrences.
BEGIN IMMEDIATE;

-- version rises with every change of the row; a change names the one it was made from.
CREATE TABLE schedules (
  schedule_id   TEXT NOT NULL PRIMARY KEY,
  version       INTEGER NOT NULL,
  revision      INTEGER NOT NULL,
  state         TEXT NOT NULL CHECK (state IN ('active', 'disabled', 'removed')),
  paused_at     INTEGER,
  anchor_at     INTEGER NOT NULL,
  accounted_to  INTEGER NOT NULL,
  next_at       INTEGER,
  due_at        INTEGER,
  missing_since INTEGER,
  created_at    INTEGER NOT NULL,
  updated_at    INTEGER NOT NULL,
  definition    TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX schedules_due ON schedules (due_at) WHERE state = 'active' AND paused_at IS NULL;

-- at and to_at differ for several that were skipped for one reason; number is how many, NULL when they were too many to be counted.
CREATE TABLE occurrences (
  seq          INTEGER PRIMARY KEY AUTOINCREMENT,
  schedule_id  TEXT NOT NULL,
  at           INTEGER NOT NULL,
  to_at        INTEGER NOT NULL,
  number       INTEGER,
  source       TEXT NOT NULL CHECK (source IN ('schedule', 'manual', 'backfill')),
  outcome      TEXT NOT NULL CHECK (outcome IN ('fired', 'held', 'skipped')),
  reason       TEXT,
  fire_key     TEXT,
  task_id      TEXT,
  tracked      INTEGER NOT NULL, -- the overlap rule looks at its task, which may be unfinished
  revision     INTEGER NOT NULL,
  accounted_at INTEGER NOT NULL,
  CHECK ((outcome = 'skipped') = (reason IS NOT NULL)),
  CHECK ((outcome = 'fired') = (task_id IS NOT NULL))
);
CREATE INDEX occurrences_by_schedule ON occurrences (schedule_id, seq);
CREATE UNIQUE INDEX occurrences_by_key ON occurrences (schedule_id, fire_key) WHERE fire_key IS NOT NULL;
CREATE INDEX occurrences_held ON occurrences (schedule_id) WHERE outcome = 'held';
CREATE INDEX occurrences_tracked ON occurrences (schedule_id, task_id) WHERE tracked = 1;
CREATE INDEX occurrences_by_age ON occurrences (accounted_at);

PRAGMA user_version = 3;
COMMIT;
