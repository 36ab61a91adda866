// Notifications: one for a transaction that made a run due, on the queue's channel; none for what is not due yet or no longer waits.
import { expect, it } from "vitest";
import { onEachServer, sqlFile, type Queue } from "./absurd-given.ts";

onEachServer("wake notifications", (given) => {
  /** Runs the body and tells the payloads that arrived on the queue's channel up to its end. */
  async function heard(q: Queue, body: () => Promise<unknown>): Promise<string[]> {
    await given.main.client.query(sqlFile("on_any_schema.sql"));
    const listener = await given.connect();
    const { channel } = await given.main.row("select chiron.wake_channel($1) as channel", q.name);
    const payloads: string[] = [];
    const finished = new Promise<void>((resolve) => {
      listener.client.on("notification", (message) => {
        if (message.channel === channel) payloads.push(message.payload ?? "");
        else resolve();
      });
    });
    await listener.rows(`listen "${channel}"; listen the_end`);
    await body();
    await given.main.rows("notify the_end");
    await finished;
    return payloads;
  }

  it("a spawn, a retry and an emit that wakes somebody are heard", async () => {
    const q = await given.queue();
    expect(await heard(q, () => q.spawn())).toEqual([q.name]);
    const run = await q.claimOne();
    expect(await heard(q, () => q.fail(run))).toEqual([q.name]);
    const second = await q.claimOne();
    await q.awaitEvent(second, "go");
    expect(await heard(q, () => q.emit("go"))).toEqual([q.name]);
    const woken = await q.claimOne();
    expect(await heard(q, () => q.sleep(woken, "2020-01-01"))).toEqual([q.name]);
  });

  it("claims, checkpoints, completions, sleeps and waits are not", async () => {
    const q = await given.queue();
    await q.spawn();
    await q.spawn({ retry_strategy: { kind: "fixed" } });
    await q.spawn();
    const silent = await heard(q, async () => {
      const [one, two, three] = await q.claim(3);
      await q.checkpoint(one!, "a", 1, 60);
      await q.complete(one!);
      await q.fail(two!);
      await q.awaitEvent(three!, "go", 60);
      await q.cancel(three!);
      await q.emit("nobody");
    });
    expect(silent).toEqual([]);
  });

  it("a transaction of many spawns is heard once, and a rolled back one never", async () => {
    const q = await given.queue();
    const text = "select s.task_id from generate_series(1, 50) i, absurd.spawn_task($1, 'job', to_jsonb(i)) s";
    expect(await heard(q, () => given.main.rows(text, q.name))).toEqual([q.name]);
    const undone = async () => {
      await given.main.rows("begin");
      await q.spawn();
      await given.main.rows("rollback");
    };
    expect(await heard(q, undone)).toEqual([]);
  });

  it("a later queue is extended by name, and an unknown one is refused", async () => {
    await given.main.client.query(sqlFile("on_any_schema.sql"));
    const q = await given.queue();
    await given.main.rows("select chiron.extend_queue($1), chiron.extend_queue($1)", q.name);
    expect(await heard(q, () => q.spawn())).toEqual([q.name]);
    await expect(given.main.rows("select chiron.extend_queue('nobody')")).rejects.toThrow("not found");
  });
});
