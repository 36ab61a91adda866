-- Source files by content, and which of them each generation of the code consists of. Files and workflows are JSON objects.
BEGIN IMMEDIATE;

CREATE TABLE generations (
  id              TEXT NOT NULL PRIMARY KEY,
  dirs            TEXT NOT NULL,
  files           TEXT NOT NULL,
  workflows       TEXT NOT NULL,
  chiron_version  TEXT NOT NULL,
  python_version  TEXT NOT NULL,
  first_served_at INTEGER NOT NULL,
  last_served_at  INTEGER NOT NULL
);
CREATE INDEX generations_by_age ON generations (last_served_at);

-- Raw deflate, or the content itself where packed has its size.
CREATE TABLE sources (
  sha256    TEXT NOT NULL PRIMARY KEY,
  size      INTEGER NOT NULL,
  stored_at INTEGER NOT NULL,
  packed    BLOB NOT NULL
);

-- The generation that the task's first attempt began on; a run hands it to the next one. (generation is what ran this run last.)
ALTER TABLE runs ADD COLUMN pinned TEXT;
UPDATE runs SET pinned = (SELECT f.generation FROM runs f WHERE f.task_id = runs.task_id AND f.attempt = 1)
  WHERE state IN ('pending', 'running', 'sleeping');
-- Written once, when a run ends: what finished runs ran on is found without reading them.
CREATE INDEX runs_by_code ON runs (generation) WHERE state IN ('completed', 'failed', 'cancelled');

PRAGMA user_version = 2;
COMMIT;
