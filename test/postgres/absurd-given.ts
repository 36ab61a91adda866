// What the tests of the SQL schema share: the servers they run on, a database with the schema, and the procedures as functions.
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import pg from "pg";
import { afterAll, beforeAll, describe } from "vitest";
import { hasSystemBinaries } from "../support/postgres-binaries.ts";
import { bootPostgres, type ServerOptions, type TestDatabase, type TestServer } from "../support/postgres-server.ts";

const FOLDER = fileURLToPath(new URL("../../adapters/postgres/sql/absurd/", import.meta.url));

export type Row = Record<string, any>;

/** The text of one file of the schema. */
export function sqlFile(name: string): string {
  return readFileSync(FOLDER + name, "utf8");
}

/** The numbered files, in the order they are applied. */
export function schemaFiles(): string[] {
  return readdirSync(FOLDER)
    .filter((name) => /^\d{4}_/.test(name))
    .toSorted();
}

/** One session: every statement goes over one connection, so that a test decides which session waits for which. */
export class Session {
  readonly client: pg.Client;
  #last: Promise<unknown> = Promise.resolve();

  constructor(connectionString: string) {
    this.client = new pg.Client({ connectionString });
    // A server that stops under a session is a test's own doing.
    this.client.on("error", () => undefined);
  }

  /** Statements given at once run one after the other. */
  async rows(text: string, ...values: unknown[]): Promise<Row[]> {
    const result = this.#last.then(() => this.client.query(text, values));
    this.#last = result.catch(() => undefined);
    return (await result).rows as Row[];
  }

  async row(text: string, ...values: unknown[]): Promise<Row> {
    const [row] = await this.rows(text, ...values);
    if (!row) throw new Error(`no row from ${text}`);
    return row;
  }

  /** Resolves when this session's backend waits for a lock; polls the server, as it has no event for it. */
  async isBlocked(watcher: Session): Promise<void> {
    const pid = (this.client as unknown as { processID: number }).processID;
    for (;;) {
      const { blocked } = await watcher.row("select cardinality(pg_blocking_pids($1)) > 0 as blocked", pid);
      if (blocked) return;
    }
  }
}

/** A queue of its own for one test, with the procedures as methods. */
export class Queue {
  readonly name: string;
  readonly session: Session;

  constructor(name: string, session: Session) {
    this.name = name;
    this.session = session;
  }

  /** The same queue seen by another session. */
  as(session: Session): Queue {
    return new Queue(this.name, session);
  }

  spawn(options: object | null = {}, params: unknown = {}): Promise<Row> {
    const text = "select * from absurd.spawn_task($1, 'job', $2, $3)";
    return this.session.row(text, this.name, JSON.stringify(params), options && JSON.stringify(options));
  }

  claim(qty = 1, timeout = 30, worker = "w"): Promise<Row[]> {
    return this.session.rows("select * from absurd.claim_task($1, $2, $3, $4)", this.name, worker, timeout, qty);
  }

  async claimOne(timeout = 30): Promise<Row> {
    const [claimed] = await this.claim(1, timeout);
    if (!claimed) throw new Error("nothing to claim");
    return claimed;
  }

  /** A task that has been spawned and claimed. */
  async running(options: object = {}, timeout = 30): Promise<Row> {
    const { task_id: id } = await this.spawn(options);
    const claimed = await this.claimOne(timeout);
    if (claimed["task_id"] !== id) throw new Error("another task was due first");
    return claimed;
  }

  complete(run: Row, state: unknown = {}): Promise<Row> {
    return this.session.row("select absurd.complete_run($1, $2, $3)", this.name, run["run_id"], JSON.stringify(state));
  }

  fail(run: Row, retryAt: string | null = null): Promise<Row> {
    const text = `select absurd.fail_run($1, $2, '{"name":"Error"}', $3)`;
    return this.session.row(text, this.name, run["run_id"], retryAt);
  }

  sleep(run: Row, until: string): Promise<Row> {
    return this.session.row("select absurd.schedule_run($1, $2, $3)", this.name, run["run_id"], until);
  }

  cancel(task: Row): Promise<Row> {
    return this.session.row("select absurd.cancel_task($1, $2)", this.name, task["task_id"]);
  }

  retry(task: Row, options: object = {}): Promise<Row> {
    const text = "select * from absurd.retry_task($1, $2, $3)";
    return this.session.row(text, this.name, task["task_id"], JSON.stringify(options));
  }

  checkpoint(run: Row, step: string, state: unknown, extendBy: number | null = null): Promise<Row> {
    const text = "select absurd.set_task_checkpoint_state($1, $2, $3, $4, $5, $6)";
    return this.session.row(text, this.name, run["task_id"], step, JSON.stringify(state), run["run_id"], extendBy);
  }

  async checkpoints(run: Row): Promise<Row> {
    const text = "select * from absurd.get_task_checkpoint_states($1, $2, $3)";
    const rows = await this.session.rows(text, this.name, run["task_id"], run["run_id"]);
    return Object.fromEntries(rows.map((row) => [row["checkpoint_name"], row["state"]]));
  }

  extend(run: Row, seconds: number): Promise<Row> {
    return this.session.row("select absurd.extend_claim($1, $2, $3)", this.name, run["run_id"], seconds);
  }

  awaitEvent(run: Row, event: string, timeout: number | null = null, step = event): Promise<Row> {
    const text = "select * from absurd.await_event($1, $2, $3, $4, $5, $6)";
    return this.session.row(text, this.name, run["task_id"], run["run_id"], step, event, timeout);
  }

  emit(event: string, payload: unknown = null): Promise<Row> {
    return this.session.row("select absurd.emit_event($1, $2, $3)", this.name, event, JSON.stringify(payload));
  }

  async result(task: Row): Promise<Row> {
    const [row] = await this.session.rows("select * from absurd.get_task_result($1, $2)", this.name, task["task_id"]);
    return row ?? {};
  }

  task(task: Row): Promise<Row> {
    return this.session.row(`select * from ${this.table("t")} where task_id = $1`, task["task_id"]);
  }

  run(run: Row): Promise<Row> {
    return this.session.row(`select * from ${this.table("r")} where run_id = $1`, run["run_id"]);
  }

  /** The name of one of the queue's tables, as SQL. */
  table(prefix: "t" | "r" | "c" | "e" | "w"): string {
    return `absurd.${pg.escapeIdentifier(`${prefix}_${this.name}`)}`;
  }

  waits(): Promise<Row[]> {
    return this.session.rows(`select * from ${this.table("w")} order by step_name`);
  }

  /** Sets the session's clock; the tests of time begin at noon of a day and move from there. */
  async at(time: string): Promise<void> {
    await this.session.row("select set_config('absurd.fake_now', $1, false)", time && `2030-01-01 ${time}+00`);
  }
}

export interface Given {
  readonly server: TestServer;
  readonly database: TestDatabase;
  /** The session most statements go over. */
  readonly main: Session;
  /** Another session, closed at the end. */
  connect(): Promise<Session>;
  queue(): Promise<Queue>;
}

/** Declares the tests once for each server: the system's and the embedded one, which differ in their major version. */
export function onEachServer(name: string, body: (given: Given) => void, options: ServerOptions = {}): void {
  for (const prefer of ["system", "embedded"] as const) {
    const missing = prefer === "system" && !hasSystemBinaries();
    describe.skipIf(missing)(`${name}, ${prefer} Postgres${missing ? " (not installed here)" : ""}`, () => {
      const given = new Fixture();
      beforeAll(() => given.open({ ...options, prefer }));
      afterAll(() => given.close());
      body(given);
    });
  }
}

class Fixture implements Given {
  server!: TestServer;
  database!: TestDatabase;
  main!: Session;
  readonly #sessions: Session[] = [];
  #queues = 0;

  async open(options: ServerOptions): Promise<void> {
    this.server = await bootPostgres(options);
    this.database = await this.server.createDatabase();
    this.main = await this.connect();
    for (const name of schemaFiles()) await this.main.client.query(sqlFile(name));
  }

  async close(): Promise<void> {
    for (const session of this.#sessions) await session.client.end();
    await this.server.stop();
  }

  async connect(): Promise<Session> {
    const session = new Session(this.database.connectionString);
    await session.client.connect();
    this.#sessions.push(session);
    return session;
  }

  async queue(): Promise<Queue> {
    const name = `Q-${(this.#queues += 1)} a`;
    await this.main.rows("select absurd.create_queue($1)", name);
    await this.main.rows("select set_config('absurd.fake_now', '', false)");
    return new Queue(name, this.main);
  }
}
