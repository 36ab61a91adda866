// Absurd itself, as its own tool installs it: the store works on a genuine schema as on ours, the tool works on ours, and its migration
// over ours leaves a store that works. The tool is used, never read.
import { beforeAll, describe, expect, test } from "vitest";
import pg from "pg";
import { inspectPostgres } from "../../adapters/postgres/inspect.ts";
import { openPostgres } from "../../adapters/postgres/open.ts";
import { ALL_QUEUES } from "../../src/core/queues.ts";
import { ABSURD_VERSION, absurdTool, type AbsurdTool } from "../postgres/absurd-tool.ts";
import { storeContract } from "./contract.ts";
import { Given, json, onEvent, QUEUE } from "./given.ts";
import { ManualClock } from "./manual-clock.ts";
import { useLab } from "./postgres-lab.ts";

const { tool: found, reason } = absurdTool();
const tool: AbsurdTool = (...args) => found!(...args);

async function rows(connectionString: string, sql: string): Promise<unknown[]> {
  const client = new pg.Client(connectionString);
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}

// What Postgres compares when a function is replaced, and what other programs name.
const FUNCTIONS = `select proname as name, pg_get_function_arguments(oid) as arguments, pg_get_function_result(oid) as result
  from pg_proc where pronamespace = 'absurd'::regnamespace order by 1, 2`;
const COLUMNS = `select c.relname, a.attname, format_type(a.atttypid, a.atttypmod) as type, a.attnotnull, pg_get_expr(d.adbin, d.adrelid)
  from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0
  left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
  where c.relnamespace = 'absurd'::regnamespace and c.relkind = 'r' order by 1, a.attnum`;
const INDEXES = "select indexname from pg_indexes where schemaname = 'absurd' and indexname !~ '_ca?i$' order by 1";

describe.skipIf(found === null)(`with Absurd ${ABSURD_VERSION} ${reason}`, () => {
  const lab = useLab();
  beforeAll(async () => {
    tool((await lab.database()).connectionString, "init");
  });

  storeContract({
    name: "a genuine schema",
    open: () => lab.open(),
    nouns: ["claims", "fencing", "progress", "waits and events", "retries", "cancel", "idempotency"],
  });

  test("a genuine schema is found and said to be", async () => {
    const { connectionString } = await lab.database();
    expect(await inspectPostgres(connectionString)).toMatchObject({
      absurd: { origin: "genuine", version: ABSURD_VERSION },
    });
  });

  test("functions, columns and indexes of ours are the genuine ones", async () => {
    const server = await lab.server();
    const [genuine, ours] = [await server.createDatabase(), await server.createDatabase()];
    tool(genuine.connectionString, "init");
    for (const queue of ALL_QUEUES) await rows(genuine.connectionString, `select absurd.create_queue('${queue}')`);
    await (await openPostgres({ connectionString: ours.connectionString })).admin.close();
    for (const sql of [FUNCTIONS, COLUMNS, INDEXES]) {
      expect(await rows(ours.connectionString, sql)).toEqual(await rows(genuine.connectionString, sql));
    }
  });

  test("the tool works on our schema, with Chiron's tasks and its own", async () => {
    const { connectionString } = await (await lab.server()).createDatabase();
    const store = await openPostgres({ connectionString });
    const given = new Given(store, new ManualClock());
    const on = (...args: string[]) => tool(connectionString, ...args);
    try {
      const run = await given.running();
      await given.step(run, "a", json({ rows: 3 }));
      await given.asleep(run, onEvent("go"));
      expect(on("list-tasks", `--queue=${QUEUE}`)).toContain(run.taskId);
      expect(on("dump-task", `--task-id=${run.taskId}`)).toContain("rows");
      on("emit-event", "go", "-q", QUEUE, "-P", "n:=7");
      const woken = await given.claimOne();
      expect(woken.recorded.at(-1)).toMatchObject({ kind: "event", value: '{"n":7}' });
      await given.fail(woken, null);
      on("retry-task", run.taskId, "-q", QUEUE);
      expect(on("spawn-task", "centaur.workflow", "-q", QUEUE, "-P", "workflow_name=theirs")).toContain("Task ID");
      expect((await given.claim()).map(({ workflowName, attempt }) => `${workflowName} ${attempt}`).toSorted()).toEqual(
        ["greet 2", "theirs 1"],
      );
      on("cancel-task", "-q", QUEUE, run.taskId);
      expect(await given.stateOf(run.taskId)).toBe("cancelled");
      on("create-queue", "shop");
      expect(on("list-queues")).toContain("shop");
      on("drop-queue", "shop", "--yes");
    } finally {
      await store.admin.close();
    }
  });

  test("its migration over our schema keeps the tasks, and the store goes on", async () => {
    const { connectionString } = await (await lab.server()).createDatabase();
    const store = await openPostgres({ connectionString });
    const given = new Given(store, new ManualClock());
    const run = await given.running();
    await given.step(run, "a");
    tool(connectionString, "migrate", "--from", "0.5.0");
    expect((await inspectPostgres(connectionString)).absurd).toEqual({ origin: "genuine", version: ABSURD_VERSION });
    await given.asleep(run, onEvent("go"));
    await given.emit("go");
    await given.complete(await given.claimOne());
    await store.admin.close();
    const again = await openPostgres({ connectionString });
    expect((await again.reads.find(run.taskId))!.task.state).toBe("completed");
    await again.admin.close();
  });
});
