// A PgBouncer in transaction mode in front of a test database, where the machine has one ($PGBOUNCER, else in PATH). Gone after stop().
import { spawn } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { PORT, USER } from "../../adapters/postgres/private-cluster.ts";
import type { TestServer } from "./postgres-server.ts";

/** Null: there is none, and a test says so when it is skipped. */
export function findPgBouncer(): string | null {
  if (process.env["PGBOUNCER"]) return process.env["PGBOUNCER"];
  const folders = [...(process.env["PATH"] ?? "").split(path.delimiter), "/usr/sbin"];
  return folders.map((folder) => path.join(folder, "pgbouncer")).find((file) => fs.existsSync(file)) ?? null;
}

export interface TestPooler {
  address(database: string): string;
  stop(): Promise<void>;
}

/** On a socket in the server's own folder, as the server's own user: PgBouncer does not run as root either. */
export async function startPgBouncer(program: string, server: TestServer): Promise<TestPooler> {
  const folder = fs.mkdtempSync(path.join(server.host, "pool-"));
  const { uid, gid } = fs.statSync(server.host);
  const file = path.join(folder, "pgbouncer.ini");
  fs.writeFileSync(
    file,
    `[databases]\n* = host=${server.host} port=${PORT} user=${USER}\n[pgbouncer]\nlisten_addr =\nunix_socket_dir = ${folder}\n` +
      `listen_port = ${PORT}\nauth_type = any\npool_mode = transaction\n`,
  );
  fs.chownSync(folder, uid, gid);
  fs.chownSync(file, uid, gid);
  const child = spawn(program, [file], { uid, gid, stdio: ["ignore", "ignore", "pipe"] });
  await new Promise<void>((resolve, reject) => {
    let said = "";
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`pgbouncer ended with ${code}: ${said}`)));
    child.stderr.on("data", (chunk: Buffer) => {
      said += chunk.toString();
      if (said.includes("process up")) resolve();
    });
  });
  return {
    address: (database) => `postgresql://${USER}@${encodeURIComponent(folder)}:${PORT}/${database}`,
    async stop() {
      const gone = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGINT");
      child.kill("SIGTERM");
      await gone;
    },
  };
}
