// A bundle as bytes: gzip over lines of JSON. The first line says what it is, with the SHA-256 of each part; then come the parts' rows; the
// last line has the SHA-256 of all before it. Reading believes nothing: sizes, hashes and the shape of every row are checked.
import { promisify } from "node:util";
import { gunzip, gzip } from "node:zlib";
import { z } from "zod";
import { ChironError } from "../core/errors.ts";
import { sha256Of } from "../core/source-code.ts";
import {
  BUNDLE_VERSION,
  LARGEST_BUNDLE,
  LARGEST_UNPACKED,
  PART_NAMES,
  PARTS,
  type Bundle,
  type BundleParts,
  type PartName,
} from "./bundle.ts";
import { ROWS } from "./bundle-rows.ts";

const pack = promisify(gzip);
const unpack = promisify(gunzip);

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const count = z.int().min(0);
const Head = z.object({
  chiron_bundle: z.literal(BUNDLE_VERSION),
  about: z.object({
    chironVersion: z.string().max(100),
    exportedAt: z.int().min(0).max(8.64e15),
    taskId: z.uuid(),
    workflowName: z.string().max(1_024),
    redacted: z.boolean(),
    replaced: z.array(z.object({ where: z.string(), paths: z.array(z.string()) })).max(1_000_000),
  }),
  parts: z.array(z.object({ name: z.enum(PART_NAMES), rows: count, bytes: count, sha256 })),
});
type Head = z.output<typeof Head>;

/** Throws ChironError too_large. */
export async function encodeBundle({ about, parts }: Bundle): Promise<Buffer> {
  let size = 0;
  const texts = PART_NAMES.map((name) => {
    const bytes = Buffer.from(parts[name].map((row) => `${JSON.stringify(row)}\n`).join(""));
    size += bytes.length;
    if (size > LARGEST_UNPACKED) throw tooLarge(`what is on record of task ${about.taskId}`, LARGEST_UNPACKED);
    return { name, rows: parts[name].length, bytes };
  });
  const listed = texts.map(({ name, rows, bytes }) => ({ name, rows, bytes: bytes.length, sha256: sha256Of(bytes) }));
  const head = Buffer.from(`${JSON.stringify({ chiron_bundle: BUNDLE_VERSION, about, parts: listed })}\n`);
  const body = Buffer.concat([head, ...texts.map(({ bytes }) => bytes)]);
  const file = await pack(Buffer.concat([body, Buffer.from(`${JSON.stringify({ sha256: sha256Of(body) })}\n`)]));
  if (file.length > LARGEST_BUNDLE) throw tooLarge(`the bundle of task ${about.taskId}`, LARGEST_BUNDLE);
  return file;
}

/** Throws ChironError bundle_invalid, bundle_truncated, bundle_tampered, bundle_newer or too_large. */
export async function decodeBundle(file: Uint8Array): Promise<Bundle> {
  const whole = await unpacked(file);
  const { head, headEnd } = readHead(whole);
  const end = lastLine(whole);
  const last = z.object({ sha256 }).safeParse(parse(whole.subarray(end)));
  if (!last.success) throw truncated();
  if (sha256Of(whole.subarray(0, end)) !== last.data.sha256) throw tampered("its contents");
  let at = headEnd;
  const parts: Partial<Record<PartName, unknown[]>> = {};
  for (const { name, rows, bytes, sha256: hash } of head.parts) {
    const part = whole.subarray(at, at + bytes);
    if (part.length < bytes || at + bytes > end) throw truncated();
    if (sha256Of(part) !== hash) throw tampered(`part ${name}`);
    if (parts[name]) throw invalid(`part ${name} is there twice`);
    parts[name] = readRows(name, part, rows);
    at += bytes;
  }
  const missing = PART_NAMES.find((name) => !parts[name]);
  if (missing) throw invalid(`part ${missing} is missing`);
  if (at !== end) throw invalid("it holds more than its parts");
  return { about: head.about, parts: parts as unknown as BundleParts };
}

async function unpacked(file: Uint8Array): Promise<Buffer> {
  if (file.length > LARGEST_BUNDLE) throw tooLarge("the bundle", LARGEST_BUNDLE);
  if (file[0] !== 0x1f || file[1] !== 0x8b) throw invalid("it is no bundle");
  try {
    return await unpack(file, { maxOutputLength: LARGEST_UNPACKED });
  } catch (error) {
    const { code } = error as { code?: string };
    if (code === "ERR_BUFFER_TOO_LARGE") throw tooLarge("what the bundle unpacks to", LARGEST_UNPACKED);
    throw code === "Z_BUF_ERROR" ? truncated() : tampered("its compressed contents");
  }
}

function readHead(whole: Buffer): { readonly head: Head; readonly headEnd: number } {
  const headEnd = whole.indexOf(10) + 1;
  if (headEnd === 0) throw invalid("it is no bundle");
  const value = parse(whole.subarray(0, headEnd));
  const version = z.object({ chiron_bundle: z.int().min(1) }).safeParse(value);
  if (!version.success) throw invalid("it is no bundle");
  if (version.data.chiron_bundle > BUNDLE_VERSION) {
    const message = `the bundle has version ${version.data.chiron_bundle}, this Chiron reads ${BUNDLE_VERSION}`;
    throw new ChironError("bundle_newer", message, { hint: "Use the Chiron that wrote it, or a newer one." });
  }
  const head = Head.safeParse(value);
  if (!head.success) throw invalid(`its first line: ${issueOf(head.error)}`);
  return { head: head.data, headEnd };
}

/** Index of the last line's first byte. */
function lastLine(whole: Buffer): number {
  const end = whole.length - 1;
  if (end < 1 || whole[end] !== 10) throw truncated();
  return whole.lastIndexOf(10, end - 1) + 1;
}

function readRows(name: PartName, part: Buffer, rows: number): unknown[] {
  if (rows > PARTS[name].most) throw tooMany(name);
  const lines = part.length === 0 ? [] : part.toString("utf8").slice(0, -1).split("\n");
  if (lines.length !== rows) throw invalid(`part ${name} has ${lines.length} rows where ${rows} are said to be`);
  return lines.map((line, index) => {
    const row = ROWS[name].safeParse(parse(Buffer.from(line)));
    if (!row.success) throw invalid(`row ${index + 1} of part ${name}: ${issueOf(row.error)}`);
    return row.data;
  });
}

function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString("utf8"));
  } catch {
    return undefined;
  }
}

function issueOf(error: z.ZodError): string {
  const [issue] = error.issues;
  return `${issue!.path.map(String).join(".")} ${issue!.message}`.trim().slice(0, 300);
}

export function invalid(why: string): ChironError {
  return new ChironError("bundle_invalid", `this is not a bundle that can be used: ${why}`, {
    hint: 'A bundle is what "chiron export" writes.',
  });
}

function tampered(what: string): ChironError {
  return new ChironError(
    "bundle_tampered",
    `the bundle was changed after it was written: ${what} no longer has its hash`,
    {
      hint: "Export it again.",
    },
  );
}

function truncated(): ChironError {
  return new ChironError("bundle_truncated", "the bundle ends before it is complete", {
    hint: "Copy or export it again.",
  });
}

function tooLarge(what: string, limit: number): ChironError {
  return new ChironError("too_large", `${what} is larger than ${limit} bytes`, { details: { limit } });
}

function tooMany(name: PartName): ChironError {
  return new ChironError("too_large", `part ${name} of the bundle has more than ${PARTS[name].most} rows`);
}
