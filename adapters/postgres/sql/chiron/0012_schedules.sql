-- Schedules as last declared, how far each is accounted, and what became of its occurrences.
begin;

insert into chiron.migrations (id, name) values (12, 'schedules');
commit;
