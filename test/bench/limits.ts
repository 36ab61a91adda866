// What this machine can do at most, measured in the same run: a plain commit loop, a plain pipe loop, a plain fsync.
import { spawn } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import Database from "better-sqlite3";
import { median, quantile, type Bench, type Figure, type Section } from "./figures.ts";

const ECHO = fileURLToPath(new URL("echo.py", import.meta.url));
const LINE = `${"x".repeat(120)}\n`;

export const limits: Section = {
  name: "limits",
  title: "Raw limits of this machine",
  async run(bench) {
    const ms = bench.quick ? 500 : 1_500;
    return [
      fsyncs(bench, ms),
      commits(bench, ms, 1),
      commits(bench, ms, 100),
      await echoes(ms, 1),
      await echoes(ms, 64),
    ];
  },
};

function fsyncs({ dir }: Bench, ms: number): Figure {
  const file = path.join(dir, "fsync");
  const fd = fs.openSync(file, "w");
  const page = Buffer.alloc(4_096, 1);
  const times: number[] = [];
  for (const end = performance.now() + ms; performance.now() < end;) {
    fs.writeSync(fd, page);
    const started = performance.now();
    fs.fdatasyncSync(fd);
    times.push(performance.now() - started);
  }
  fs.closeSync(fd);
  fs.rmSync(file);
  const note = `p99 ${quantile(times, 0.99).toFixed(3)} ms`;
  return { name: "append 4 KiB and fdatasync, p50", value: median(times), unit: "ms", note };
}

function commits({ dir }: Bench, ms: number, rows: number): Figure {
  const file = path.join(dir, `commits-${rows}.db`);
  const db = new Database(file);
  db.pragma("journal_mode = WAL");
  db.pragma("synchronous = FULL");
  db.exec("CREATE TABLE rows (id INTEGER PRIMARY KEY, value TEXT)");
  const insert = db.prepare("INSERT INTO rows (value) VALUES (?)");
  const commit = db.transaction(() => {
    for (let row = 0; row < rows; row += 1) insert.run("a value of some length");
  });
  let count = 0;
  const started = performance.now();
  while (performance.now() < started + ms) {
    commit.immediate();
    count += 1;
  }
  const seconds = (performance.now() - started) / 1_000;
  db.close();
  fs.rmSync(file);
  const name = rows === 1 ? "SQLite FULL, commits of one row" : `SQLite FULL, rows in commits of ${rows}`;
  return { name, value: (count * rows) / seconds, unit: "/s" };
}

async function echoes(ms: number, outstanding: number): Promise<Figure> {
  const child = spawn("python3", ["-S", "-E", ECHO], { stdio: ["pipe", "pipe", "inherit"] });
  const { stdin, stdout } = child;
  let count = 0;
  const done = Promise.withResolvers<number>();
  // The first answer starts the clock: until then Python starts.
  let started = 0;
  stdout.on("data", (chunk: Buffer) => {
    let lines = 0;
    for (const byte of chunk) if (byte === 10) lines += 1;
    if (started === 0) started = performance.now();
    else count += lines;
    const elapsed = performance.now() - started;
    if (elapsed > ms) done.resolve(elapsed);
    else stdin.write(LINE.repeat(lines));
  });
  stdin.write(LINE.repeat(outstanding));
  const elapsed = await done.promise;
  const exited = once(child, "exit");
  stdin.end();
  await exited;
  return {
    name: `pipe to Python and back, ${outstanding} outstanding`,
    value: (count * 1_000) / elapsed,
    unit: "lines/s",
  };
}
