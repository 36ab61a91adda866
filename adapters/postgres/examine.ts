// `chiron db doctor`: looks at a server for what would keep Chiron from working on it, or make it slow. Changes nothing.
import pg from "pg";
import { ChironError, messageOf } from "../../src/core/errors.ts";
import { clientConfig } from "./database.ts";
import { translate } from "./errors.ts";
import type { Check, Finding, Patient } from "./examination.ts";
import { checkHistory, checkRights, checkSnapshots, checkTables } from "./examine-contents.ts";
import { locate } from "./open.ts";
import { checkListen, checkPooler } from "./examine-pooler.ts";
import {
  checkClock,
  checkConnections,
  checkEncoding,
  checkIsolation,
  checkSafety,
  checkVersion,
  checkWritable,
} from "./examine-server.ts";

const CHECKS: readonly (readonly [name: string, check: Check])[] = [
  ["version", checkVersion],
  ["writable", checkWritable],
  ["encoding", checkEncoding],
  ["isolation", checkIsolation],
  ["rights", checkRights],
  ["durability", checkSafety],
  ["connections", checkConnections],
  ["clock", checkClock],
  ["pooler", checkPooler],
  ["notifications", checkListen],
  ["old snapshots", checkSnapshots],
  ["history", checkHistory],
  ["tables", checkTables],
];

const QUERY_TIMEOUT_MS = 10_000;
const OLD_SNAPSHOT_S = 600;

export interface ExamineOptions {
  readonly connectionString: string;
  readonly poolSize: number;
  /** How long a transaction may hold a snapshot before it is found fault with. */
  readonly oldSnapshotS?: number;
}

/** One finding a check; a server that cannot be reached is one finding. */
export async function examinePostgres(options: ExamineOptions): Promise<Finding[]> {
  const { connectionString, poolSize, oldSnapshotS = OLD_SNAPSHOT_S } = options;
  const location = locate(connectionString);
  const connect = async (): Promise<pg.Client> => {
    // Only a limit on this side: a pooler may refuse one at the start of a connection, and would hand on one that is set later.
    const config = clientConfig({ connectionString, applicationName: "chiron db doctor", statementTimeoutMs: 0 });
    const client = new pg.Client({ ...config, query_timeout: QUERY_TIMEOUT_MS });
    client.on("error", () => undefined);
    await client.connect();
    return client;
  };
  let client: pg.Client;
  try {
    client = await connect();
  } catch (error) {
    const { message, hint } = translate(error, location);
    return [{ name: "connection", status: "fail", message, ...(hint === undefined ? {} : { fix: hint }) }];
  }
  try {
    const findings: Finding[] = [{ name: "connection", status: "ok", message: location }];
    const patient: Patient = { client, connect, poolSize, oldSnapshotS };
    for (const [name, check] of CHECKS) findings.push({ name, ...(await tried(check, patient)) });
    return findings;
  } finally {
    await client.end();
  }
}

async function tried(check: Check, patient: Patient): Promise<Omit<Finding, "name">> {
  try {
    return await check(patient);
  } catch (error) {
    const said = error instanceof ChironError ? error.message : messageOf(error);
    return { status: "warn", message: `could not be looked at: ${said}` };
  }
}
