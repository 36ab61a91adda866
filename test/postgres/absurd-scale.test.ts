// What a claim costs does not grow with what the queue holds or went through. Counted in blocks touched, not in time.
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

  /** Shared blocks a statement touches, by the server's own account. */
  async function blocks(text: string, ...values: unknown[]): Promise<number> {
    const { "QUERY PLAN": plan } = await given.main.row(`explain (analyze, buffers, format json) ${text}`, ...values);
    return plan[0].Plan["Shared Hit Blocks"] + plan[0].Plan["Shared Read Blocks"];
  }

  const claim = (q: Queue, qty = 1) => blocks("select * from absurd.claim_task($1, 'w', 30, $2)", q.name, qty);
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
    await claim(q);
    expect(await claim(q)).toBeLessThan(400);
    expect(await claim(q, 100)).toBeLessThan(5_000);
    await given.main.rows("select absurd.claim_task($1, 'w', 30, 5000)", q.name);
    expect(await claim(q)).toBeLessThan(400);
  });

  it("is flat with plans made while the queue was empty", async () => {
    const q = await given.queue();
    for (const prefix of ["t", "r", "w"] as const) await given.main.rows(`vacuum analyze ${q.table(prefix)}`);
    for (let i = 0; i < 3; i++) await q.complete(await q.running());
    await fill(q);
    await spawnMany(q, 2_000);
    expect(await claim(q, 10)).toBeLessThan(1_000);
    const run = await q.claimOne();
    const step = "select absurd.set_task_checkpoint_state($1, $2, 's', '1', $3, 60)";
    expect(await blocks(step, q.name, run["task_id"], run["run_id"])).toBeLessThan(100);
    expect(await blocks("select absurd.complete_run($1, $2)", q.name, run["run_id"])).toBeLessThan(100);
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
    for (let i = 0; i < 4; i++) walked.push(await claim(q, 10));
    expect(Math.min(...walked)).toBeLessThan(1_000);
    await late.rows("commit");
    const isLate = async () => (await q.claim(1)).some((run) => run["task_id"] === lateTask["task_id"]);
    await expect.poll(isLate, { timeout: 20_000, interval: 5 }).toBe(true);
    await old.rows("rollback");
  });

  it("does not wake or cancel by going through all that sleeps", async () => {
    const q = await given.queue();
    await fill(q);
    await given.main.rows(`analyze ${q.table("r")}`);
    const run = await q.running();
    await q.awaitEvent(run, "mine");
    expect(await blocks("select absurd.emit_event($1, 'mine', '1')", q.name)).toBeLessThan(200);
    expect(await blocks("select absurd.cancel_task($1, $2)", q.name, run["task_id"])).toBeLessThan(200);
  });
});
