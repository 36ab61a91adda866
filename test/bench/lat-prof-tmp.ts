import fs from "node:fs"; import path from "node:path"; import pg from "pg";
import { OneAtATime } from "./one-at-a-time.ts"; import { startServer, useStore } from "./server.ts"; import { quantile } from "./figures.ts";
useStore("postgres");
const dir = fs.mkdtempSync("/var/tmp/pgb/l-");
let s = await startServer({ dir }); await s.stop();
fs.appendFileSync(path.join(dir, ".chiron/pg/data/postgresql.conf"), "shared_preload_libraries='pg_stat_statements'\n");
s = await startServer({ dir });
const client = new pg.Client({ host: path.join(fs.realpathSync(dir), ".chiron/pg/socket"), user: "postgres", database: "chiron" }); await client.connect();
await client.query("create extension if not exists pg_stat_statements");
const runs = await OneAtATime.open(s); const t: number[] = [];
for (let i = 0; i < 30; i++) await runs.run("bench_clock");
await client.query("select pg_stat_statements_reset()");
for (let i = 0; i < 150; i++) { const { startedAt, readAt } = await runs.run("bench_clock"); t.push(readAt - startedAt); }
const rows = (await client.query("select calls, round((total_exec_time/calls)::numeric,3)::float8 as mean, left(regexp_replace(query,'\\s+',' ','g'),90) as q from pg_stat_statements where calls>5 order by total_exec_time desc limit 14")).rows;
console.log("p50", quantile(t, 0.5).toFixed(2), "p10", quantile(t, 0.1).toFixed(2));
for (const r of rows) console.log((r.calls / 150).toFixed(2), "calls/run, mean ms", r.mean, r.q);
runs.close(); await client.end(); await s.stop(); fs.rmSync(dir, { recursive: true, force: true });
