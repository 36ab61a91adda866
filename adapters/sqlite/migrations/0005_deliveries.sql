-- Webhook requests as they came, and what became of them.
BEGIN IMMEDIATE;

PRAGMA user_version = 5;
COMMIT;
