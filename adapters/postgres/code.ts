// The code that runs ran on: manifests of generations, and their files by content. Recording and forgetting exclude each other, so a
// generation that is here has all of its content.
import { checkManifest, packSource, unpackSource } from "../../src/core/source-code.ts";
import type {
  CodeStore,
  GenerationRecorded,
  GenerationUse,
  NewGeneration,
  Pruned,
  Source,
  StoredGeneration,
} from "../../src/ports/store-code.ts";
import { packText } from "./codec.ts";
import type { Session } from "./session.ts";
import { unpackText } from "../rows/stored-text.ts";

const RECORD = "select chiron.record_code($1, $2) as missing";
const PRUNE = "select * from chiron.prune_code($1, $2)";
export const GENERATION_COLUMNS = `g.id, g.dirs, g.files, g.workflows, g.chiron_version, g.python_version,
  chiron.ms(g.first_served_at) as first_served_at, chiron.ms(g.last_served_at) as last_served_at`;
const GET = `select ${GENERATION_COLUMNS} from chiron.generations g where g.id = $1`;
const SOURCES = "select sha256, size, packed from chiron.sources where sha256 = any ($1)";
const LIST = `select g.id, g.chiron_version, g.python_version, chiron.ms(g.first_served_at) as first_served_at,
    chiron.ms(g.last_served_at) as last_served_at, (select count(*)::integer from json_object_keys(g.files::json)) as files,
    (select count(*)::integer from json_object_keys(g.workflows::json)) as workflows,
    coalesce(u.runs, 0)::double precision as runs, coalesce(u.unfinished, 0)::double precision as unfinished
  from chiron.generations g left join chiron.code_uses() u on u.id = g.id
  order by g.last_served_at desc, g.first_served_at desc, g.id limit $1`;

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

interface Recording {
  readonly generation: NewGeneration;
  readonly added: string;
}

export function createCode({ sender, gatherer }: Session): CodeStore {
  const record = gatherer.lane<Recording, GenerationRecorded>({
    width: 1,
    inFlight: 1,
    async send([recording]) {
      const values = (): unknown[] => [packGeneration(recording!.generation), recording!.added];
      const rows = await sender.commit<{ missing: string[] }>(RECORD, values, true);
      const { missing } = rows[0]!;
      return [missing.length === 0 ? { ok: true } : { ok: false, missing }];
    },
  });
  const prune = gatherer.lane<Parameters<CodeStore["prune"]>[0], Pruned>({
    width: 1,
    inFlight: 1,
    async send([request]) {
      const { serving, idleMs } = request!;
      const values = (): unknown[] => [serving.map(packText), idleMs / 1_000];
      const [pruned] = await sender.commit<Pruned>(PRUNE, values, true);
      return [{ ...pruned!, missing: pruned!.missing.map(unpackText) }];
    },
  });
  return {
    async record(generation, sources) {
      checkManifest(generation.id, Object.keys(generation.files).length);
      return (await record([{ generation, added: JSON.stringify(sources.map(packAdded)) }]))[0]!;
    },
    async get(id) {
      const [row] = await sender.read<GenerationRow>(GET, [packText(id)]);
      return row ? generationOf(row) : null;
    },
    async sources(hashes) {
      const rows = await sender.read<SourceRow>(SOURCES, [hashes]);
      return rows.map((row) => ({ sha256: row.sha256, content: unpackSource(row) }));
    },
    async list(limit) {
      const rows = await sender.read<UseRow>(LIST, [limit]);
      return rows.map(useOf);
    },
    prune: async (request) => (await prune([request]))[0]!,
  };
}

export function generationOf(row: GenerationRow): StoredGeneration {
  return {
    id: unpackText(row.id),
    dirs: JSON.parse(row.dirs) as string[],
    files: JSON.parse(row.files) as Record<string, string>,
    workflows: JSON.parse(row.workflows) as Record<string, string>,
    chironVersion: unpackText(row.chiron_version),
    pythonVersion: unpackText(row.python_version),
    firstServedAt: row.first_served_at,
    lastServedAt: row.last_served_at,
  };
}

/** One JSON; its parts are kept as the texts they are in it. */
function packGeneration(generation: NewGeneration): string {
  const { id, dirs, files, workflows, chironVersion, pythonVersion } = generation;
  const versions = { chiron: packText(chironVersion), python: packText(pythonVersion) };
  return JSON.stringify({ id: packText(id), dirs, files, workflows, ...versions });
}

function packAdded({ sha256, content }: Source): object {
  const { size, packed } = packSource(sha256, content);
  return { sha256, size, packed: packed.toString("base64") };
}

interface UseRow extends Omit<GenerationRow, "dirs" | "files" | "workflows"> {
  readonly files: number;
  readonly workflows: number;
  readonly runs: number;
  readonly unfinished: number;
}

function useOf(row: UseRow): GenerationUse {
  return {
    id: unpackText(row.id),
    files: row.files,
    workflows: row.workflows,
    chironVersion: unpackText(row.chiron_version),
    pythonVersion: unpackText(row.python_version),
    firstServedAt: row.first_served_at,
    lastServedAt: row.last_served_at,
    runs: row.runs,
    unfinished: row.unfinished,
  };
}
