-- Webhook requests as they came, and what became of them.
BEGIN IMMEDIATE;

CREATE TABLE deliveries (
  id            TEXT NOT NULL PRIMARY KEY, -- rises with time
  slug          TEXT NOT NULL,
  workflow_name TEXT NOT NULL,
  received_at   INTEGER NOT NULL,
  method        TEXT NOT NULL,
  url           TEXT NOT NULL,
  headers       TEXT NOT NULL,
  body_sha256   TEXT NOT NULL,
  body_size     INTEGER NOT NULL,
  source_ip     TEXT,
  outcome       TEXT NOT NULL CHECK (outcome IN ('accepted', 'filtered', 'handshake')),
  checks        TEXT NOT NULL,
  key           TEXT,
  task_id       TEXT,
  created       INTEGER NOT NULL,
  same_body     INTEGER NOT NULL,
  body          BLOB NOT NULL,
  CHECK ((outcome = 'accepted') = (task_id IS NOT NULL)),
  CHECK ((outcome = 'accepted') = (key IS NOT NULL))
);
CREATE INDEX deliveries_by_slug ON deliveries (slug, id);
CREATE INDEX deliveries_by_task ON deliveries (task_id, id) WHERE task_id IS NOT NULL;

-- Kept for ever, like start keys: the hash of the first bytes that came with a key.
CREATE TABLE delivery_keys (
  key         TEXT NOT NULL PRIMARY KEY,
  body_sha256 TEXT NOT NULL
) WITHOUT ROWID;

PRAGMA user_version = 5;
COMMIT;
