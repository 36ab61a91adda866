-- Schedules as last declared, how far each is accounted, and what became of its occurrences.
BEGIN IMMEDIATE;

PRAGMA user_version = 3;
COMMIT;
