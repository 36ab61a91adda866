// `chiron db doctor` on real servers: healthy ones, and ones with each of the faults it looks for.
import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Finding } from "../../adapters/postgres/examination.ts";
import { examinePostgres } from "../../adapters/postgres/examine.ts";
import { hasSystemBinaries } from "../support/postgres-binaries.ts";
import { bootPostgres, type TestDatabase, type TestServer } from "../support/postgres-server.ts";

const KINDS = hasSystemBinaries() ? (["system", "embedded"] as const) : (["embedded"] as const);

describe.each(KINDS)("a server from %s programs", (prefer) => {
  let server: TestServer;
  let database: TestDatabase;

  beforeAll(async () => {
    server = await bootPostgres({ prefer, durable: true });
    database = await server.createDatabase();
  });
  afterAll(() => server.stop());

  const examine = (connectionString: string, poolSize = 8) => examinePostgres({ connectionString, poolSize });
  const finding = (findings: readonly Finding[], name: string) => findings.find((one) => one.name === name);

  async function run<T>(connectionString: string, body: (client: pg.Client) => Promise<T>): Promise<T> {
    const client = new pg.Client({ connectionString });
    await client.connect();
    try {
      return await body(client);
    } finally {
      await client.end();
    }
  }

  /** As another role than the superuser. */
  const as = (role: string): string => database.connectionString.replace("postgres@", `${role}@`);

  test("a healthy one has nothing to complain about", async () => {
    const findings = await examine(database.connectionString);
    expect(findings.filter(({ status }) => status !== "ok")).toEqual([]);
    expect(findings.map(({ name }) => name)).toContain("notifications");
  });

  test("a role without rights is told which it lacks", async () => {
    await run(database.connectionString, async (client) => {
      await client.query("create role guest login");
      await client.query(`revoke create on database ${database.name} from public`);
    });
    expect(finding(await examine(as("guest")), "rights")).toMatchObject({
      status: "fail",
      message: expect.stringContaining("role guest may not create it"),
    });
    await run(database.connectionString, (client) =>
      client.query("create schema absurd; create schema chiron; create table chiron.tasks (n integer)"),
    );
    expect(finding(await examine(as("guest")), "rights")?.message).toContain("may not use schema absurd and chiron");
    await run(database.connectionString, (client) => client.query("grant usage on schema absurd, chiron to guest"));
    expect(finding(await examine(as("guest")), "rights")?.message).toContain("chiron: tasks");
    await run(database.connectionString, (client) => client.query("grant all on chiron.tasks to guest"));
    expect(finding(await examine(as("guest")), "rights")?.status).toBe("ok");
  });

  test("a read-only database, too few connections and an old transaction are found", async () => {
    const other = await server.createDatabase();
    await run(other.connectionString, (client) =>
      client.query(`alter database ${other.name} set default_transaction_read_only = on`),
    );
    expect(finding(await examine(other.connectionString), "writable")).toMatchObject({ status: "fail" });
    expect(finding(await examine(database.connectionString, 90), "connections")).toMatchObject({ status: "warn" });
    expect(finding(await examine(database.connectionString, 900), "connections")).toMatchObject({ status: "fail" });
  });

  test("another encoding and settings that lose data are found", async () => {
    await run(server.connectionString, (client) =>
      client.query("create database latin encoding 'LATIN1' locale 'C' template template0"),
    );
    const latin = server.connectionString.replace(/postgres$/, "latin");
    expect(finding(await examine(latin), "encoding")).toMatchObject({ status: "fail", message: "LATIN1" });
    await run(server.connectionString, (client) => client.query("alter database latin set synchronous_commit = off"));
    expect(finding(await examine(latin), "durability")).toMatchObject({
      status: "warn",
      message: "synchronous_commit = off",
    });
  });

  test("a server that cannot be reached, or a database that is not there, is one finding", async () => {
    const gone = await examine(database.connectionString.replace(/\/t\d+$/, "/gone"));
    expect(gone).toEqual([expect.objectContaining({ name: "connection", status: "fail", fix: expect.any(String) })]);
    const away = await examine("postgresql://nobody@127.0.0.1:1/none");
    expect(away).toEqual([expect.objectContaining({ name: "connection", status: "fail" })]);
  });
});
