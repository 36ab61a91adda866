// A source file as it is kept: deflated where that is shorter, found by the SHA-256 of its content. And how large code may be: a
// generation beyond these limits runs, but is not kept.
import { createHash } from "node:crypto";
import { deflateRawSync, inflateRawSync } from "node:zlib";
import { ChironError } from "./errors.ts";

/** A Python file of this size is data. */
export const LARGEST_SOURCE_BYTES = 4 * 1024 * 1024;
/** Far beyond any project of workflows: more means that a folder of installed packages is walked. */
export const MOST_SOURCES = 20_000;
/** What one generation may add to what is kept. */
export const LARGEST_ADDITION_BYTES = 64 * 1024 * 1024;

const HINT = "The code runs, but a run of it cannot go on without these folders. Keep data and packages out of them.";

export interface PackedSource {
  readonly size: number;
  readonly packed: Buffer;
}

export function sha256Of(content: Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}

/** Throws ChironError too_large. */
export function packSource(sha256: string, content: Uint8Array): PackedSource {
  if (content.length > LARGEST_SOURCE_BYTES) {
    throw new ChironError("too_large", `a source file has ${content.length} bytes; ${LARGEST_SOURCE_BYTES} are kept`, {
      hint: HINT,
      details: { sha256, size: content.length, limit: LARGEST_SOURCE_BYTES },
    });
  }
  const deflated = deflateRawSync(content);
  return { size: content.length, packed: deflated.length < content.length ? deflated : Buffer.from(content) };
}

/** What was packed; a length of `size` tells that deflating did not pay. */
export function unpackSource({ size, packed }: PackedSource): Buffer {
  return packed.length === size ? packed : inflateRawSync(packed, { maxOutputLength: Math.max(size, 1) });
}

/** Throws ChironError too_large. */
export function checkManifest(id: string, files: number): void {
  if (files <= MOST_SOURCES) return;
  throw new ChironError("too_large", `generation ${id} has ${files} files; ${MOST_SOURCES} are kept`, {
    hint: HINT,
    details: { generation: id, files, limit: MOST_SOURCES },
  });
}

/** Throws ChironError too_large. */
export function checkAddition(id: string, bytes: number): void {
  if (bytes <= LARGEST_ADDITION_BYTES) return;
  throw new ChironError("too_large", `generation ${id} adds more than ${LARGEST_ADDITION_BYTES} bytes of code`, {
    hint: HINT,
    details: { generation: id, limit: LARGEST_ADDITION_BYTES },
  });
}
