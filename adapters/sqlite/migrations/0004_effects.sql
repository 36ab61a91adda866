-- What runs reached outside: messages, tool calls, agent turns.
BEGIN IMMEDIATE;

PRAGMA user_version = 4;
COMMIT;
