// `chiron test --store postgres`: each scenario on a database of its own in virtual time, and none of them left.
import path from "node:path";
import { fileURLToPath } from "node:url";
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Project } from "../scenario/cli-process.ts";
import { bootPostgres, type TestServer } from "../support/postgres-server.ts";

const FLOWS = path.join(fileURLToPath(new URL("../..", import.meta.url)), "fixtures/workflows");

let server: TestServer;
let project: Project;

beforeAll(async () => {
  server = await bootPostgres();
  project = new Project();
});

afterAll(async () => {
  await project.remove();
  await server.stop();
});

async function databases(): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: server.connectionString });
  await client.connect();
  const { rows } = await client.query<{ datname: string }>(
    "select datname from pg_database where datname like 'chiron%'",
  );
  await client.end();
  return rows;
}

test("scenarios with days of waiting pass on Postgres too, and leave no database", async () => {
  const env = { DATABASE_URL: server.connectionString };
  const args = ["test", FLOWS, "--workflows", FLOWS, "--store", "postgres", "--parallel", "2", "--json"];
  const done = await project.run([...args, "-k", "approval"], { env });
  const { scenarios } = JSON.parse(done.stdout) as {
    scenarios: { name: string; outcome: string; unchecked: string[]; virtual_ms: number }[];
  };
  expect(scenarios.map(({ outcome }) => outcome)).toEqual(["passed", "passed", "passed"]);
  expect(scenarios[0]!.unchecked).toEqual(["crash (its store cannot be copied)"]);
  expect(scenarios[1]!.virtual_ms).toBe(7 * 86_400_000);
  expect(done.exit).toBe(0);
  expect(await databases()).toEqual([]);
});
