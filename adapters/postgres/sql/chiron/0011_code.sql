-- Source files by content, and which of them each generation of the code consists of.
begin;

insert into chiron.migrations (id, name) values (11, 'code');
commit;
