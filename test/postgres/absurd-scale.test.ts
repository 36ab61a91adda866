// What a claim costs does not grow with what the queue holds or went through. Counted in rows gone through, not in time.
import { expect, it } from "vitest";
import { onEachServer, type Queue } from "./absurd-given.ts";

const BULK = 30_000;

onEachServer("the cost of a claim", (given) => {
  /** Finished and sleeping tasks with policies that are not due, written past the procedures. */
  async function fill(q: Queue): Promise<void> {
    await given.main.rows(
      `insert into ${q.table("t")} (task_id, task_name, params, state, attempts, last_attempt_run, cancellation, first_started_at)
       select gen_random_uuid(), 'bulk', '{}', case when i % 10 = 0 then 'sleeping' else 'completed' end, 1, gen_random_uuid(),
              '{"max_duration": 100000}', now() from generate_series(1, ${BULK}) i`,
    );
    await given.main.rows(
      `insert into ${q.table("r")} (run_id, task_id, attempt, state, available_at)
       select last_attempt_run, task_id, 1, state, case state when 'sleeping' then now() + interval '1 day' else now() end
       from ${q.table("t")} where task_name = 'bulk'`,
    );
    await given.main.rows(
      `insert into ${q.table("w")} (task_id, run_id, step_name, event_name)
       select task_id, last_attempt_run, 'step', 'event' from ${q.table("t")} where state = 'sleeping'`,
    );
  }

  /** Rows and index entries a statement goes through, dead ones too, by the server's own account. */
  async function visited(q: Queue, text: string, ...values: unknown[]): Promise<number> {
    const counted = `
      select sum(pg_stat_get_xact_tuples_returned(oid))::int as n from pg_class
      where relnamespace = 'absurd'::regnamespace and relkind in ('r', 'i') and position($1 in relname) = 3`;
    await given.main.rows("begin");
    const { n: before } = await given.main.row(counted, q.name);
    await given.main.rows(text, ...values);
    const { n: after } = await given.main.row(counted, q.name);
    await given.main.rows("commit");
    return after - before;
  }

  const claim = (q: Queue, qty = 1) => visited(q, "select * from absurd.claim_task($1, 'w', 30, $2)", q.name, qty);
  const spawnMany = (q: Queue, n: number) =>
    given.main.rows(
      "select s.task_id from generate_series(1, $2::int) i, absurd.spawn_task($1, 'job', to_jsonb(i)) s",
      q.name,
      n,
    );

  it.each(["never analysed", "analysed while nothing was due"])("is flat over many tasks, %s", async (statistics) => {
    const q = await given.queue();
    await fill(q);
    if (statistics.startsWith("analysed")) {
      for (const prefix of ["t", "r", "w"] as const) await given.main.rows(`analyze ${q.table(prefix)}`);
    }
    await spawnMany(q, 2_000);
    expect(await claim(q)).toBeLessThan(200);
    expect(await claim(q, 100)).toBeLessThan(2_000);
    await q.claim(5_000);
    // The first walk over the entries just left behind marks them dead, the next passes them by.
    await claim(q);
    expect(await claim(q)).toBeLessThan(50);
  });

  it("is flat with plans made while the queue was empty", async () => {
    const q = await given.queue();
    for (const prefix of ["t", "r", "w"] as const) await given.main.rows(`vacuum analyze ${q.table(prefix)}`);
    for (let i = 0; i < 3; i++) await q.complete(await q.running());
    await fill(q);
    await spawnMany(q, 2_000);
    expect(await claim(q, 10)).toBeLessThan(300);
    const run = await q.claimOne();
    const step = "select absurd.set_task_checkpoint_state($1, $2, 's', '1', $3, 60)";
    expect(await visited(q, step, q.name, run["task_id"], run["run_id"])).toBeLessThan(20);
    expect(await visited(q, "select absurd.complete_run($1, $2)", q.name, run["run_id"])).toBeLessThan(20);
  });

  it("is flat while another session holds an old snapshot, and late commits are found all the same", async () => {
    const q = await given.queue();
    const old = await given.connect();
    await old.rows("begin isolation level repeatable read");
    await old.rows("select 1 from absurd.queues");
    const late = await given.connect();
    await late.rows("begin");
    const lateTask = await q.as(late).spawn();
    await spawnMany(q, 9_000);
    for (let i = 0; i < 30; i++) await q.claim(250);
    const walked = [];
    // Now and then a claim walks the whole way again, by how long that took the last time: enough tries that some do not.
    for (let i = 0; i < 24; i++) walked.push(await claim(q, 10));
    expect(Math.min(...walked)).toBeLessThan(1_000);
    await late.rows("commit");
    const isLate = async () => (await q.claim(1)).some((run) => run["task_id"] === lateTask["task_id"]);
    await expect.poll(isLate, { timeout: 20_000, interval: 5 }).toBe(true);
    await old.rows("rollback");
  });

  it("is flat while many runs have a lease, analysed while none had", async () => {
    const q = await given.queue();
    await fill(q);
    await given.main.rows(`analyze ${q.table("r")}`);
    await spawnMany(q, 5_000);
    await q.claim(4_900);
    await claim(q);
    expect(await claim(q)).toBeLessThan(200);
  });

  it("does not wake or cancel by going through all that sleeps", async () => {
    const q = await given.queue();
    await fill(q);
    await given.main.rows(`analyze ${q.table("r")}`);
    const run = await q.running();
    await q.awaitEvent(run, "mine");
    expect(await visited(q, "select absurd.emit_event($1, 'mine', '1')", q.name)).toBeLessThan(50);
    expect(await visited(q, "select absurd.cancel_task($1, $2)", q.name, run["task_id"])).toBeLessThan(50);
  });
});
