-- Tasks that begin with what another one has recorded. A member: the task as chiron.enqueue takes it, the task it is forked from, the seq
-- of the first checkpoint that is not taken over, and other values for some of the rest. No task_id in the answer: there is no such source.
begin;

select chiron.define('fork', 'members json, p_ticket text, again boolean',
  'table (n integer, task_id uuid, run_id uuid, kept integer)', $body$
#variable_conflict use_column
declare
  m record;
  made record;
  copied integer;
begin
  for m in
    select * from json_to_recordset(members) as x(n integer, source uuid, before integer, task json, edits json) order by x.n
  loop
    n := m.n;
    task_id := null;
    run_id := null;
    kept := 0;
    if exists (select 1 from chiron.tasks k where k.task_id = m.source) then
      select e.task_id, e.run_id into made from chiron.enqueue_{n}(json_build_array(m.task), p_ticket || '-' || m.n, again) e;
      task_id := made.task_id;
      run_id := made.run_id;
      -- Sent again, it finds its own copies.
      insert into chiron.checkpoints (task_id, name, seq, kind, owner_run_id, attempt, created_at, duration_ms, position, value)
      select made.task_id, c.name, row_number() over (order by c.seq), c.kind, made.run_id, 1,
             case when e.name is null then c.created_at else absurd.current_time() end, c.duration_ms, c.position,
             case when e.name is null then c.value else e.value end
      from chiron.checkpoints c left join json_to_recordset(m.edits) as e(name text, value text, fate integer) on e.name = c.name
      where c.task_id = m.source and c.seq < m.before
      on conflict do nothing;
      insert into {checkpoints} (task_id, checkpoint_name, state, status, owner_run_id, updated_at)
      select made.task_id, a.checkpoint_name, case when e.name is null then a.state else chiron.natural(e.value, e.fate) end,
             'committed', made.run_id, absurd.current_time()
      from chiron.checkpoints c
      join {checkpoints} a on a.task_id = c.task_id and a.checkpoint_name = chiron.stored_name(c.name, c.kind)
      left join json_to_recordset(m.edits) as e(name text, value text, fate integer) on e.name = c.name
      where c.task_id = m.source and c.seq < m.before and a.status = 'committed'
      on conflict do nothing;
      select count(*) into copied from chiron.checkpoints c where c.task_id = m.source and c.seq < m.before;
      update chiron.tasks k set recorded = copied where k.task_id = made.task_id and k.recorded = 0;
      kept := copied;
    end if;
    return next;
  end loop;
end $body$, true);

insert into chiron.migrations (id, name) values (17, 'forks');
commit;
