-- Source files by content, and which of them each generation of the code consists of.
BEGIN IMMEDIATE;

PRAGMA user_version = 2;
COMMIT;
