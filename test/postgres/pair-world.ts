// Two hands on one database: each is a whole store whose statements go over one connection, so that a test decides when a transaction
// ends and who waits for whom. Time stands still until it is moved.
import pg from "pg";
import { openPostgres } from "../../adapters/postgres/open.ts";
import { Gatherer } from "../../adapters/postgres/gatherer.ts";
import { Places } from "../../adapters/postgres/places.ts";
import type { Session } from "../../adapters/postgres/session.ts";
import { buildStore } from "../../adapters/postgres/store.ts";
import type { Store } from "../../src/ports/store.ts";
import { BATCH_SIZES, Histogram } from "../../src/core/histogram.ts";
import { QUEUE } from "../contract/given.ts";
import { ManualClock } from "../contract/manual-clock.ts";
import type { TestServer } from "../support/postgres-server.ts";

const SET_TIME = "select set_config('absurd.fake_now', $1, false)";

/** One session that is a store. */
export class Hand {
  readonly name: string;
  readonly client: pg.Client;
  readonly store: Store;

  constructor(name: string, client: pg.Client, store: Store) {
    this.name = name;
    this.client = client;
    this.store = store;
  }

  get pid(): number {
    return (this.client as unknown as { processID: number }).processID;
  }

  /** Everything until `end` is one transaction. */
  async begin(now: Date): Promise<void> {
    // Before the transaction, whose end may be a rollback.
    await this.client.query(SET_TIME, [now]);
    await this.client.query("begin");
  }

  async end(how: "commit" | "rollback"): Promise<void> {
    await this.client.query(how);
  }
}

export class World {
  readonly clock = new ManualClock();
  readonly first: Hand;
  readonly second: Hand;
  /** Looks, and holds locks where a test wants them held. */
  readonly observer: pg.Client;

  private constructor(clients: readonly pg.Client[], queues: Session["queues"]) {
    const [one, two, observer] = clients as [pg.Client, pg.Client, pg.Client];
    this.first = new Hand("one", one, this.#storeOver(one, queues, "one"));
    this.second = new Hand("two", two, this.#storeOver(two, queues, "two"));
    this.observer = observer;
  }

  static async open(server: TestServer): Promise<World> {
    const { connectionString } = await server.createDatabase();
    await (await openPostgres({ connectionString, queues: [QUEUE] })).admin.close();
    const connect = async (): Promise<pg.Client> => {
      const client = new pg.Client({ connectionString });
      await client.connect();
      return client;
    };
    const clients = await Promise.all([connect(), connect(), connect()]);
    const { rows } = await clients[0].query<{ queue: string; number: number }>(
      "select queue, number from chiron.queues",
    );
    return new World(clients, new Map(rows.map(({ queue, number }) => [queue, number])));
  }

  async close(): Promise<void> {
    for (const client of [this.first.client, this.second.client, this.observer]) await client.end();
  }

  /** Waits until the call has settled or its session waits for a lock; true: it waits. Asks the server, which has no event for it. */
  async waits(hand: Hand, call: Promise<unknown>): Promise<boolean> {
    let settled = false;
    const note = (): void => void (settled = true);
    void call.then(note, note);
    for (;;) {
      const { rows } = await this.observer.query<{ waits: boolean }>(
        "select cardinality(pg_blocking_pids($1)) > 0 as waits",
        [hand.pid],
      );
      if (settled) return false;
      if (rows[0]!.waits) return true;
    }
  }

  #storeOver(client: pg.Client, queues: Session["queues"], name: string): Store {
    let commits = 0;
    let set = 0;
    const query = async <Row extends object>(sql: string, values: readonly unknown[]): Promise<Row[]> => {
      if (set !== this.clock.now()) void client.query(SET_TIME, [new Date((set = this.clock.now()))]);
      return (await client.query<Row>(sql, [...values])).rows;
    };
    const sender: Session["sender"] = {
      commits: () => commits,
      async commit<Row extends object>(sql: string, values: (again: boolean) => readonly unknown[]) {
        commits += 1;
        return query<Row>(sql, values(false));
      },
      read: query,
    };
    const batches = { commits: new Histogram(BATCH_SIZES), claims: new Histogram(BATCH_SIZES) };
    const gatherer = new Gatherer(
      this.clock,
      () => new Error("closed"),
      () => undefined,
    );
    const transaction = async (): Promise<never> => {
      throw new Error("a pair takes in no tasks");
    };
    const session: Session = {
      sender,
      transaction,
      gatherer,
      batches,
      elapsed: () => 0,
      places: new Places(),
      queues,
      boot: name,
      location: name,
    };
    const listener = { subscribe: () => () => undefined, tell: () => undefined, close: async () => undefined };
    return buildStore(session, { version: "", schema: 0 }, listener, async () => undefined);
  }
}
