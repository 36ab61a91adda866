// Generations of code as people type them: the beginning of an id, or "newest".
import { ChironError } from "../core/errors.ts";
import type { Client } from "./client.ts";

export interface WireGeneration {
  readonly id: string;
  readonly chiron_version: string;
  readonly python_version: string;
  readonly first_served_at: string;
  readonly last_served_at: string;
  readonly serving: boolean;
}

export interface WireGenerationUse extends WireGeneration {
  readonly files: number;
  readonly workflows: number;
  readonly runs: number;
  readonly unfinished: number;
}

export interface WireGenerationDetail extends WireGeneration {
  readonly dirs: readonly string[];
  readonly files: readonly { readonly path: string; readonly sha256: string }[];
  readonly workflows: Readonly<Record<string, string>>;
}

const SHORT = 12;
const LEAST = 6;
const PATH = "/api/workflows/generations";

export function shortGeneration(id: string): string {
  return id.slice(0, SHORT);
}

export async function listGenerations(client: Client, limit: number): Promise<readonly WireGenerationUse[]> {
  return (await client.get(`${PATH}?limit=${limit}`))["generations"] as readonly WireGenerationUse[];
}

/** Throws not_found, or conflict for a text that several ids begin with. */
export async function findGeneration(client: Client, text: string): Promise<WireGenerationDetail> {
  const id = await resolve(client, text.trim());
  return (await client.get(`${PATH}/${encodeURIComponent(id)}`))["generation"] as WireGenerationDetail;
}

/** A file by its path, or by an end of it that no other file has. Throws not_found or conflict. */
export async function readSource(client: Client, generation: WireGenerationDetail, file: string): Promise<string> {
  const paths = generation.files.map(({ path }) => path);
  const ends = paths.filter((path) => path === file || path.endsWith(`/${file}`));
  const path = paths.includes(file) ? file : ends.length === 1 ? ends[0]! : null;
  if (path === null) {
    const which = `generation ${shortGeneration(generation.id)}`;
    if (ends.length === 0) {
      throw new ChironError("not_found", `${which} has no file ${file}`, {
        hint: `See "chiron code show ${shortGeneration(generation.id)}".`,
      });
    }
    throw new ChironError("conflict", `${which} has ${ends.length} files that end in ${file}`, {
      hint: `Give more of the path: ${ends.join(", ")}`,
    });
  }
  return (await client.open(`${PATH}/${generation.id}/source?path=${encodeURIComponent(path)}`)).text();
}

async function resolve(client: Client, text: string): Promise<string> {
  if (text.length >= 64) return text;
  const all = await listGenerations(client, 1_000);
  const newest = all.filter(({ serving }) => serving)[0] ?? all[0];
  if (text === "newest" && newest) return newest.id;
  const found = text.length < LEAST ? [] : all.filter(({ id }) => id.startsWith(text));
  if (found.length === 1) return found[0]!.id;
  if (found.length > 1) {
    throw new ChironError("conflict", `${found.length} generations begin with ${text}`, {
      hint: "Give more of the id.",
    });
  }
  throw new ChironError("not_found", `no generation ${text} is kept`, {
    hint: `Give "newest", or at least ${LEAST} characters of an id; see "chiron code list".`,
  });
}
