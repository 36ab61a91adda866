import fs from "node:fs";
import path from "node:path";
import pg from "pg";
import { Load } from "./load.ts";
import { startServer, useStore } from "./server.ts";
import { childrenOf, cpuMs } from "./processes.ts";
useStore("postgres");
const dir = fs.mkdtempSync("/var/tmp/pgb/r-");
const statements = process.argv.includes("--statements");
const seconds = Number(process.argv[3] ?? 4);
fs.rmSync(dir, { recursive: true, force: true });
fs.mkdirSync(dir, { recursive: true });
if (statements) {
  const s = await startServer({ dir });
  await s.stop();
  fs.appendFileSync(path.join(dir, ".chiron/pg/data/postgresql.conf"), "shared_preload_libraries='pg_stat_statements'\npg_stat_statements.track=all\npg_stat_statements.max=10000\n");
}
const tree = (pid: number): number[] => [pid, ...childrenOf(pid).flatMap(tree)];
const server = await startServer({ dir });
const sockets = path.join(fs.realpathSync(dir), ".chiron/pg/socket");
const client = new pg.Client({ host: sockets, user: "postgres", database: "chiron", port: 5432 });
await client.connect();
const q = async (sql: string) => (await client.query(sql)).rows;
const version = Number((await q("show server_version_num"))[0].server_version_num);
if (statements) await q("create extension if not exists pg_stat_statements");
const postmaster = childrenOf(server.pid).find((p) => fs.readFileSync(`/proc/${p}/cmdline`, "utf8").includes("postgres"))!;
const pyPids = childrenOf(server.pid).filter((p) => p !== postmaster);
const names = (pid: number) => fs.readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ").trim();
const look = async () => {
  const wal = version >= 180000
    ? (await q("select (select wal_bytes from pg_stat_wal)::float8 as bytes, (select wal_fpi from pg_stat_wal)::float8 as fpi, (select wal_records from pg_stat_wal)::float8 as records, sum(fsyncs)::float8 as syncs, sum(writes)::float8 as writes from pg_stat_io where object='wal' and context='normal'"))[0]
    : (await q("select wal_bytes::float8 as bytes, wal_fpi::float8 as fpi, wal_records::float8 as records, wal_sync::float8 as syncs, wal_write::float8 as writes from pg_stat_wal"))[0];
  const db = (await q("select xact_commit::float8 as commits, tup_inserted::float8 as ins, tup_updated::float8 as upd, tup_deleted::float8 as del from pg_stat_database where datname='chiron'"))[0];
  const hot = (await q("select sum(n_tup_upd)::float8 as upd, sum(n_tup_hot_upd)::float8 as hot from pg_stat_user_tables"))[0];
  const pgCpu: Record<string, number> = {};
  for (const pid of tree(postmaster)) { const c = cpuMs(pid); if (c !== null) pgCpu[`${pid} ${names(pid)}`] = c; }
  return { at: performance.now(), ...wal, ...db, tupUpd: hot.upd, tupHot: hot.hot, node: cpuMs(server.pid) ?? 0, py: pyPids.reduce((s, p) => s + (cpuMs(p) ?? 0), 0), pgCpu, pg: Object.values(pgCpu).reduce((a, b) => a + b, 0), chiron: await server.metric("chiron_store_commits_total"), completed: load.completed };
};
const load = await Load.start(server);
await new Promise((r) => setTimeout(r, 2500));
if (statements) await q("select pg_stat_statements_reset()");
await q("select pg_stat_clear_snapshot()").catch(() => 0);
const a = await look();
await new Promise((r) => setTimeout(r, seconds * 1000));
const st = statements ? await q("select calls, round(total_exec_time::numeric,1) as ms, round((total_exec_time/calls)::numeric,4) as mean, rows, left(regexp_replace(query,'\\s+',' ','g'),110) as q from pg_stat_statements where calls>10 order by total_exec_time desc limit 60") : [];
const b = await look();
await load.drain();
const runs = b.completed - a.completed;
const per = (k: "bytes"|"fpi"|"records"|"syncs"|"writes"|"commits"|"ins"|"upd"|"del"|"node"|"py"|"pg"|"chiron"|"tupUpd"|"tupHot") => +(((b as any)[k] - (a as any)[k]) / runs).toFixed(4);
console.log(JSON.stringify({ version, runs, perSec: Math.round(runs / (b.at - a.at) * 1000), nodeCpu: per("node"), pyCpu: per("py"), pgCpu: per("pg"), chironCommits: per("chiron"), xacts: per("commits"), syncs: per("syncs"), walWrites: per("writes"), walBytes: per("bytes"), walRecords: per("records"), fpi: per("fpi"), ins: per("ins"), upd: per("upd"), del: per("del"), hot: +((b.tupHot - a.tupHot) / (b.tupUpd - a.tupUpd)).toFixed(3) }));
for (const [k, v] of Object.entries(b.pgCpu)) { const d = v - (a.pgCpu[k] ?? 0); if (d > 20) console.log((d / runs).toFixed(4), k); }
for (const s of st) console.log(`${String(s.calls).padStart(7)} ${(s.calls / runs).toFixed(2).padStart(7)}/run ${String(s.ms).padStart(8)}ms ${(s.ms / runs).toFixed(4)}ms/run mean ${s.mean} rows ${s.rows}  ${s.q}`);
const metrics = await (await fetch(`http://127.0.0.1:${server.port}/metrics`)).text();
console.log(metrics.split("\n").filter((l) => /chiron_(commit_calls|claim_runs)/.test(l) && !l.startsWith("#")).join(" "));
await client.end();
await server.stop();
fs.rmSync(dir, { recursive: true, force: true });
