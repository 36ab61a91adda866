-- Webhook requests as they came, and what became of them.
begin;

insert into chiron.migrations (id, name) values (14, 'deliveries');
commit;
