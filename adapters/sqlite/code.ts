// The code that runs ran on: manifests of generations, and their files by content. Recording and forgetting are transactions, so a
// generation that is here has all of its content.
import type Database from "better-sqlite3";
import { checkManifest, packSource, unpackSource } from "../../src/core/source-code.ts";
import type {
  CodeStore,
  GenerationRecorded,
  GenerationUse,
  NewGeneration,
  Pruned,
  StoredGeneration,
} from "../../src/ports/store-code.ts";
import { packText } from "./codec.ts";
import { prepareQuery } from "./query.ts";
import { read, type Session } from "./session.ts";
import { unpackText } from "../rows/stored-text.ts";

const FINISHED = "state IN ('completed', 'failed', 'cancelled')";
const ADD_SOURCE = "INSERT INTO sources (sha256, size, stored_at, packed) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING";
const HAS_SOURCE = "SELECT 1 AS there FROM sources WHERE sha256 = ?";
const SOURCE = "SELECT sha256, size, packed FROM sources WHERE sha256 = ?";
const ADD = `INSERT INTO generations (id, dirs, files, workflows, chiron_version, python_version, first_served_at, last_served_at)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET last_served_at = excluded.last_served_at`;
const GET = "SELECT * FROM generations WHERE id = ?";
const LIST = `SELECT id, chiron_version, python_version, first_served_at, last_served_at,
    (SELECT count(*) FROM json_each(g.files)) AS files, (SELECT count(*) FROM json_each(g.workflows)) AS workflows
  FROM generations g ORDER BY last_served_at DESC, first_served_at DESC, id LIMIT ?`;
const TOUCH = "UPDATE generations SET last_served_at = ? WHERE id = ?";
const IDLE = "SELECT id FROM generations WHERE last_served_at < ?";
const FORGET = "DELETE FROM generations WHERE id = ?";
const FORGET_SOURCES = `DELETE FROM sources WHERE stored_at < ?
  AND sha256 NOT IN (SELECT f.value FROM generations g, json_each(g.files) f)`;

const RAN = `SELECT count(*) AS runs FROM runs INDEXED BY runs_by_code WHERE generation = ? AND ${FINISHED}`;
const RAN_AT_ALL = `SELECT 1 AS there FROM runs INDEXED BY runs_by_code WHERE generation = ? AND ${FINISHED} LIMIT 1`;
// Partial indexes hold the unfinished runs, so that finished ones are not read.
const LIVE = [
  "SELECT generation, pinned FROM runs INDEXED BY runs_due WHERE state IN ('pending', 'sleeping')",
  "SELECT generation, pinned FROM runs INDEXED BY runs_claimed WHERE state = 'running'",
];

export interface GenerationRow {
  readonly id: string;
  readonly dirs: string;
  readonly files: string;
  readonly workflows: string;
  readonly chiron_version: string;
  readonly python_version: string;
  readonly first_served_at: number;
  readonly last_served_at: number;
}

export interface SourceRow {
  readonly sha256: string;
  readonly size: number;
  readonly packed: Buffer;
}

export function createCode(session: Session): CodeStore {
  const { db, commits } = session;
  const record = createRecord(session);
  const prune = createPrune(session);
  const get = prepareQuery<[string], GenerationRow>(db, GET);
  const source = prepareQuery<[string], SourceRow>(db, SOURCE);
  const list = createList(db);
  return {
    async record(generation, sources) {
      checkManifest(generation.id, Object.keys(generation.files).length);
      const packed = sources.map(({ sha256, content }) => ({ sha256, ...packSource(sha256, content) }));
      return commits.add(() => record(generation, packed));
    },
    get: (id) =>
      read(session, () => {
        const row = get.get(packText(id));
        return row ? generationOf(row) : null;
      }),
    sources: (hashes) =>
      read(session, () =>
        hashes.flatMap((hash) => {
          const row = source.get(hash);
          return row ? [{ sha256: row.sha256, content: unpackSource(row) }] : [];
        }),
      ),
    list: (limit) => read(session, () => list(limit)),
    prune: (request) => commits.add(() => prune(request)),
  };
}

export function generationOf(row: GenerationRow): StoredGeneration {
  return {
    id: unpackText(row.id),
    dirs: JSON.parse(row.dirs) as string[],
    files: JSON.parse(row.files) as Record<string, string>,
    workflows: JSON.parse(row.workflows) as Record<string, string>,
    chironVersion: row.chiron_version,
    pythonVersion: row.python_version,
    firstServedAt: row.first_served_at,
    lastServedAt: row.last_served_at,
  };
}

export function generationValues(generation: NewGeneration, firstServedAt: number, lastServedAt: number): unknown[] {
  const { id, dirs, files, workflows, chironVersion, pythonVersion } = generation;
  return [
    packText(id),
    JSON.stringify(dirs),
    JSON.stringify(files),
    JSON.stringify(workflows),
    packText(chironVersion),
    packText(pythonVersion),
    firstServedAt,
    lastServedAt,
  ];
}

function createRecord({
  db,
  clock,
}: Session): (code: NewGeneration, sources: readonly SourceRow[]) => GenerationRecorded {
  const addSource = db.prepare(ADD_SOURCE);
  const hasSource = prepareQuery<[string], { there: number }>(db, HAS_SOURCE);
  const add = db.prepare(ADD);
  return (generation, sources) => {
    const now = clock.now();
    for (const { sha256, size, packed } of sources) addSource.run(sha256, size, now, packed);
    const missing = [...new Set(Object.values(generation.files))].filter((hash) => !hasSource.get(hash));
    if (missing.length > 0) return { ok: false, missing };
    add.run(...generationValues(generation, now, now));
    return { ok: true };
  };
}

interface LiveRow {
  readonly generation: string | null;
  readonly pinned: string | null;
}

function createLive(db: Database.Database): () => LiveRow[] {
  const queries = LIVE.map((sql) => prepareQuery<[], LiveRow>(db, sql));
  return () => queries.flatMap((query) => query.all());
}

type Summary = Omit<GenerationRow, "dirs" | "files" | "workflows"> & {
  readonly files: number;
  readonly workflows: number;
};

function createList(db: Database.Database): (limit: number) => GenerationUse[] {
  const list = prepareQuery<[number], Summary>(db, LIST);
  const ran = prepareQuery<[string], { runs: number }>(db, RAN);
  const live = createLive(db);
  return (limit) => {
    const running = new Map<string | null, number>();
    const pinned = new Map<string | null, number>();
    for (const row of live()) {
      running.set(row.generation, (running.get(row.generation) ?? 0) + 1);
      pinned.set(row.pinned, (pinned.get(row.pinned) ?? 0) + 1);
    }
    return list.all(limit).map((row) => ({
      id: unpackText(row.id),
      files: row.files,
      workflows: row.workflows,
      chironVersion: row.chiron_version,
      pythonVersion: row.python_version,
      firstServedAt: row.first_served_at,
      lastServedAt: row.last_served_at,
      runs: ran.get(row.id)!.runs + (running.get(row.id) ?? 0),
      unfinished: pinned.get(row.id) ?? 0,
    }));
  };
}

function createPrune({ db, clock }: Session): (request: { serving: readonly string[]; idleMs: number }) => Pruned {
  const touch = db.prepare(TOUCH);
  const idle = prepareQuery<[number], { id: string }>(db, IDLE);
  const ran = prepareQuery<[string], { there: number }>(db, RAN_AT_ALL);
  const live = createLive(db);
  const forget = db.prepare(FORGET);
  const forgetSources = db.prepare(FORGET_SOURCES);
  return ({ serving, idleMs }) => {
    const now = clock.now();
    const before = now - idleMs;
    const missing = serving.filter((id) => touch.run(now, packText(id)).changes === 0);
    // Nearly always there is none, and then nothing else is looked at.
    const candidates = idle.all(before).map(({ id }) => id);
    const needed = candidates.length === 0 ? new Set() : new Set(live().flatMap((row) => [row.generation, row.pinned]));
    const unused = candidates.filter((id) => !needed.has(id) && !ran.get(id));
    for (const id of unused) forget.run(id);
    // What an interrupted recording left behind goes with the next generation: looking for it alone is not worth the time.
    const sources = unused.length === 0 ? 0 : forgetSources.run(before).changes;
    return { generations: unused.length, sources, missing };
  };
}
