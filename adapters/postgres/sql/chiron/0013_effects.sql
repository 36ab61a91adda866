-- What runs reached outside: messages, tool calls, agent turns.
begin;

insert into chiron.migrations (id, name) values (13, 'effects');
commit;
