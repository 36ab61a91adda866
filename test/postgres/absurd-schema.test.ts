// The face of the schema: names, arguments, defaults, results, tables and indexes, as other programs know them; and queue management.
import { expect, it } from "vitest";
import { onEachServer, schemaFiles, sqlFile } from "./absurd-given.ts";

/** name(arguments with defaults) -> result, as the catalog prints them. */
const FUNCTIONS: Record<string, readonly [args: string, result: string]> = {
  spawn_task: [
    "p_queue_name text, p_task_name text, p_params jsonb, p_options jsonb DEFAULT '{}'::jsonb",
    "TABLE(task_id uuid, run_id uuid, attempt integer, created boolean)",
  ],
  claim_task: [
    "p_queue_name text, p_worker_id text, p_claim_timeout integer DEFAULT 30, p_qty integer DEFAULT 1",
    "TABLE(run_id uuid, task_id uuid, attempt integer, task_name text, params jsonb, retry_strategy jsonb, " +
      "max_attempts integer, headers jsonb, wake_event text, event_payload jsonb)",
  ],
  complete_run: ["p_queue_name text, p_run_id uuid, p_state jsonb DEFAULT NULL::jsonb", "void"],
  schedule_run: ["p_queue_name text, p_run_id uuid, p_wake_at timestamp with time zone", "void"],
  fail_run: [
    "p_queue_name text, p_run_id uuid, p_reason jsonb, p_retry_at timestamp with time zone DEFAULT NULL::timestamp with time zone",
    "void",
  ],
  retry_task: [
    "p_queue_name text, p_task_id uuid, p_options jsonb DEFAULT '{}'::jsonb",
    "TABLE(task_id uuid, run_id uuid, attempt integer, created boolean)",
  ],
  cancel_task: ["p_queue_name text, p_task_id uuid", "void"],
  set_task_checkpoint_state: [
    "p_queue_name text, p_task_id uuid, p_step_name text, p_state jsonb, p_owner_run uuid, p_extend_claim_by integer DEFAULT NULL::integer",
    "void",
  ],
  get_task_checkpoint_state: [
    "p_queue_name text, p_task_id uuid, p_step_name text, p_include_pending boolean DEFAULT false",
    "TABLE(checkpoint_name text, state jsonb, status text, owner_run_id uuid, updated_at timestamp with time zone)",
  ],
  get_task_checkpoint_states: [
    "p_queue_name text, p_task_id uuid, p_run_id uuid",
    "TABLE(checkpoint_name text, state jsonb, status text, owner_run_id uuid, updated_at timestamp with time zone)",
  ],
  extend_claim: ["p_queue_name text, p_run_id uuid, p_extend_by integer", "void"],
  await_event: [
    "p_queue_name text, p_task_id uuid, p_run_id uuid, p_step_name text, p_event_name text, p_timeout integer DEFAULT NULL::integer",
    "TABLE(should_suspend boolean, payload jsonb)",
  ],
  emit_event: ["p_queue_name text, p_event_name text, p_payload jsonb DEFAULT NULL::jsonb", "void"],
  get_task_result: [
    "p_queue_name text, p_task_id uuid",
    "TABLE(task_id uuid, state text, result jsonb, failure_reason jsonb)",
  ],
  cleanup_tasks: ["p_queue_name text, p_ttl_seconds integer, p_limit integer DEFAULT 1000", "integer"],
  cleanup_events: ["p_queue_name text, p_ttl_seconds integer, p_limit integer DEFAULT 1000", "integer"],
  cleanup_all_queues: [
    "p_queue_name text DEFAULT NULL::text",
    "TABLE(queue_name text, tasks_deleted integer, events_deleted integer)",
  ],
  drop_queue: ["p_queue_name text", "void"],
  list_queues: ["", "TABLE(queue_name text)"],
  set_queue_policy: ["p_queue_name text, p_policy jsonb", "void"],
  get_schema_version: ["", "text"],
  current_time: ["", "timestamp with time zone"],
  validate_queue_name: ["p_queue_name text", "text"],
  ensure_queue_tables: ["p_queue_name text", "void"],
  retry_delay_seconds: ["p_strategy jsonb, p_attempt integer", "double precision"],
  portable_uuidv7: ["", "uuid"],
};

/** Where the interface leaves the result open, the names must be there all the same. */
const MORE_FUNCTIONS =
  "get_queue_policy uuidv7_timestamp uuidv7_floor week_bucket_utc partition_week_tag ensure_partitions list_detach_candidates " +
  "drop_detached_partition schedule_detach_jobs enable_cron disable_cron create_queue";

const STATE_CHECK = "pending running sleeping completed failed cancelled";

const COLUMNS: Record<string, string> = {
  t_: "task_id uuid, task_name text, params jsonb, headers jsonb?, retry_strategy jsonb?, max_attempts int4?, cancellation jsonb?, enqueue_at timestamptz=, first_started_at timestamptz?, state text, attempts int4=, last_attempt_run uuid?, completed_payload jsonb?, cancelled_at timestamptz?, idempotency_key text?",
  r_: "run_id uuid, task_id uuid, attempt int4, state text, claimed_by text?, claim_expires_at timestamptz?, available_at timestamptz, wake_event text?, event_payload jsonb?, started_at timestamptz?, completed_at timestamptz?, failed_at timestamptz?, result jsonb?, failure_reason jsonb?, created_at timestamptz=",
  c_: "task_id uuid, checkpoint_name text, state jsonb?, status text=, owner_run_id uuid?, updated_at timestamptz=",
  e_: "event_name text, payload jsonb?, emitted_at timestamptz=",
  w_: "task_id uuid, run_id uuid, step_name text, event_name text, timeout_at timestamptz?, created_at timestamptz=",
};

const QUEUES_COLUMNS =
  "queue_name text, created_at timestamptz=, storage_mode text=, default_partition text=, partition_lookahead interval=, partition_lookback interval=, cleanup_ttl interval=, cleanup_limit int4=, detach_mode text=, detach_min_age interval=";

onEachServer("the schema", (given) => {
  const names = async (text: string, ...values: unknown[]) =>
    (await given.main.rows(text, ...values)).map((row) => row["name"] as string);

  /** "name type", "?" where nullable, "=" where there is a default. */
  async function columns(table: string): Promise<string> {
    const text = `
      select column_name || ' ' || udt_name || case when column_default is not null then '=' when is_nullable = 'YES' then '?' else '' end as name
      from information_schema.columns where table_schema = 'absurd' and table_name = $1 order by ordinal_position`;
    return (await names(text, table)).join(", ");
  }

  it.each(Object.keys(FUNCTIONS))("%s has the arguments and the result its callers know", async (name) => {
    const text = `
      select pg_get_function_arguments(oid) as args, pg_get_function_result(oid) as result
      from pg_proc where pronamespace = 'absurd'::regnamespace and proname = $1`;
    const [args, result] = FUNCTIONS[name]!;
    expect(await given.main.rows(text, name)).toEqual([{ args, result }]);
  });

  it("there is every function of the interface and no other", async () => {
    const text = "select distinct proname as name from pg_proc where pronamespace = 'absurd'::regnamespace";
    const expected = [...Object.keys(FUNCTIONS), ...MORE_FUNCTIONS.split(" ")].toSorted();
    expect((await names(text)).toSorted()).toEqual(expected);
  });

  it("the tables of a queue have the columns, keys, checks and index names other programs use", async () => {
    await given.main.rows("select absurd.create_queue('plain')");
    expect(await columns("queues")).toBe(QUEUES_COLUMNS);
    for (const [prefix, expected] of Object.entries(COLUMNS)) expect(await columns(`${prefix}plain`)).toBe(expected);
    const indexes = await names(
      "select indexname as name from pg_indexes where schemaname = 'absurd' and tablename like '__plain' order by 1",
    );
    const suffixes = ["r_plain_sai", "r_plain_ti", "r_plain_cei", "w_plain_eni", "w_plain_ti", "e_plain_eai"];
    expect(indexes).toEqual(expect.arrayContaining(suffixes));
    const keys = await names(`
      select conrelid::regclass || ' ' || pg_get_constraintdef(oid) as name from pg_constraint
      where connamespace = 'absurd'::regnamespace and contype in ('p', 'u') and conrelid::regclass::text like '%plain' order by 1`);
    expect(keys).toEqual([
      "absurd.c_plain PRIMARY KEY (task_id, checkpoint_name)",
      "absurd.e_plain PRIMARY KEY (event_name)",
      "absurd.r_plain PRIMARY KEY (run_id)",
      "absurd.t_plain PRIMARY KEY (task_id)",
      "absurd.t_plain UNIQUE (idempotency_key)",
      "absurd.w_plain PRIMARY KEY (run_id, step_name)",
    ]);
    for (const table of ["t_plain", "r_plain"]) {
      await expect(given.main.rows(`insert into absurd.${table} (state) values ('queued')`)).rejects.toThrow();
      const [check] = await names(
        "select pg_get_constraintdef(oid) as name from pg_constraint where conrelid = $1::regclass and contype = 'c'",
        `absurd.${table}`,
      );
      for (const state of STATE_CHECK.split(" ")) expect(check).toContain(`'${state}'`);
    }
  });

  it("the files may be applied again over a queue in use", async () => {
    const q = await given.queue();
    const run = await q.running();
    for (const name of schemaFiles()) await given.main.client.query(sqlFile(name));
    await q.complete(run);
    expect((await q.result(run))["state"]).toBe("completed");
  });

  it.each([
    "a",
    "With Capitals-and dashes",
    'quo"te',
    "per%cent %s {runs}",
    "expired_leases",
    "x".repeat(57),
    "é".repeat(28),
  ])("a queue may be named %j", async (name) => {
    await given.main.rows("select absurd.create_queue($1)", name);
    await given.main.rows("select absurd.create_queue($1)", name);
    await given.main.rows("select * from absurd.spawn_task($1, 'job', '{}')", name);
    const [run] = await given.main.rows("select * from absurd.claim_task($1, 'w')", name);
    const step = "select absurd.set_task_checkpoint_state($1, $2, 's', '1', $3)";
    await given.main.rows(step, name, run!["task_id"], run!["run_id"]);
    await given.main.rows("select absurd.complete_run($1, $2)", name, run!["run_id"]);
    expect(await names("select queue_name as name from absurd.list_queues()")).toContain(name);
    await given.main.rows("select absurd.drop_queue($1)", name);
    await given.main.rows("select absurd.drop_queue($1)", name);
    expect(await names("select queue_name as name from absurd.list_queues()")).not.toContain(name);
    const left =
      "select proname as name from pg_proc where pronamespace = 'chiron'::regnamespace and split_part(proname, ':', 2) = $1";
    expect(await names(left, name)).toEqual([]);
  });

  it.each(["", "x".repeat(58), "é".repeat(29)])("a queue may not be named %j", async (name) => {
    await expect(given.main.rows("select absurd.create_queue($1)", name)).rejects.toMatchObject({ code: "P0001" });
    await given.main.rows("select absurd.drop_queue($1)", name);
  });

  it("dropping a name that is too long leaves the queue its first bytes would name", async () => {
    const name = "y".repeat(57);
    await given.main.rows("select absurd.create_queue($1)", name);
    await given.main.rows("select absurd.drop_queue($1)", `${name}yyyyyyyy`);
    expect(await given.main.rows("select * from absurd.claim_task($1, 'w')", name)).toEqual([]);
  });

  it("partitioned queues and their functions are refused with a hint", async () => {
    const refused = "not provided by this schema; install Absurd's own";
    await expect(given.main.rows("select absurd.create_queue('p', 'partitioned')")).rejects.toThrow(refused);
    await expect(given.main.rows("select absurd.create_queue('p', 'odd')")).rejects.toThrow("storage mode");
    for (const call of ["ensure_partitions()", "list_detach_candidates()", "enable_cron()", "disable_cron()"]) {
      await expect(given.main.rows(`select * from absurd.${call}`)).rejects.toThrow(refused);
    }
  });

  it("a policy keeps what is not given and refuses unknown keys, bad values and unknown queues", async () => {
    const q = await given.queue();
    const set = (policy: unknown, name = q.name) =>
      given.main.rows("select absurd.set_queue_policy($1, $2)", name, JSON.stringify(policy));
    await set({ cleanup_ttl: "2 days", cleanup_limit: 5 });
    const policy = await given.main.row("select * from absurd.get_queue_policy($1)", q.name);
    expect(policy).toMatchObject({ cleanup_ttl: { days: 2 }, cleanup_limit: 5, detach_mode: "none" });
    await expect(set({ odd: 1 })).rejects.toThrow("odd");
    await expect(set({ cleanup_limit: 0 })).rejects.toThrow("check");
    await expect(set({}, "nobody")).rejects.toThrow("not found");
    expect(await given.main.rows("select * from absurd.get_queue_policy('nobody')")).toEqual([]);
  });

  it("ids carry the time of the clock, and their weeks are ISO weeks", async () => {
    const at = "2029-12-31 23:30+00";
    const made = await given.main.row(
      "select absurd.uuidv7_timestamp(absurd.uuidv7_floor($1)) as at, absurd.partition_week_tag($1) as tag, absurd.week_bucket_utc($1) as week",
      at,
    );
    expect(made).toEqual({ at: new Date(at), tag: "001", week: new Date("2029-12-31T00:00:00Z") });
    const recent = await given.main.row(
      "select id::text ~ '^.{14}7.{4}[89ab]' as version, now() - absurd.uuidv7_timestamp(id) < '1 minute' as recent from absurd.portable_uuidv7() id",
    );
    expect(recent).toEqual({ version: true, recent: true });
  });

  it("other programs may truncate the tables of a queue in use", async () => {
    const q = await given.queue();
    await q.running();
    await given.main.rows(
      `truncate ${q.table("t")}, ${q.table("r")}, ${q.table("c")}, ${q.table("e")}, ${q.table("w")}`,
    );
    expect(await q.claim()).toEqual([]);
    await q.complete(await q.running());
  });
});

onEachServer("a schema that is left", (given) => {
  it("gives up its functions to the genuine one and keeps tables and data", async () => {
    const q = await given.queue();
    await q.spawn();
    await given.main.client.query(sqlFile("retire_functions.sql"));
    const text = "select proname from pg_proc where pronamespace = 'absurd'::regnamespace";
    expect(await given.main.rows(text)).toEqual([{ proname: "current_time" }]);
    expect(await given.main.rows(`select state from ${q.table("t")}`)).toEqual([{ state: "pending" }]);
    for (const name of schemaFiles()) await given.main.client.query(sqlFile(name));
    expect(await q.claim()).toHaveLength(1);
  });
});
