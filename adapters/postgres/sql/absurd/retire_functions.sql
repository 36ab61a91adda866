-- Clears the way for Absurd's own schema over this one: removes every function of schema "absurd" and leaves tables, data, indexes and
-- triggers as they are. Postgres refuses to replace a function whose argument names or result differ, and then this is needed first.
-- Between this file and the next nothing works: stop the workers, then apply both.
begin;

select pg_advisory_xact_lock(hashtext('absurd schema'));

do $$
declare
  fn record;
begin
  for fn in
    select p.oid::regprocedure as signature from pg_proc p
    where p.pronamespace = 'absurd'::regnamespace and p.proname <> 'current_time'
  loop
    execute format('drop function %s', fn.signature);
  end loop;
end $$;

commit;
