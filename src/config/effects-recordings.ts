// Recordings: members of section [effects] of chiron.toml, and the flags --record and --replay, which win.
import path from "node:path";
import { z } from "zod";
import type { RecordingMode } from "../effects/recordings/recordings.ts";

/** Members of section [effects] about recordings. */
export const recordingMembers = {
  recordings: z.string().min(1).optional(),
  recordings_mode: z.enum(["once", "all", "none"]).optional(),
};

const section = z.strictObject(recordingMembers);

export interface RecordingFlags {
  readonly path: string;
  readonly mode: RecordingMode;
}

export interface RecordingConfig {
  readonly mode: RecordingMode;
  /** The file or folder that was named, absolute. */
  readonly path: string;
  /** Answers to agents, tools and Slack. */
  readonly file: string;
  /** Answers to HTTP requests of handlers. */
  readonly httpFile: string;
}

/** A path that ends in .jsonl is a file, with the HTTP answers in one beside it; any other is a folder. Null: nothing is recorded or played. */
export function recordingConfig(
  root: string,
  file: z.infer<typeof section> = {},
  flags?: RecordingFlags,
): RecordingConfig | null {
  const named = flags?.path ?? file.recordings;
  if (named === undefined) return null;
  const target = path.resolve(root, named);
  const mode = flags?.mode ?? file.recordings_mode ?? "once";
  if (!target.endsWith(".jsonl")) {
    return { mode, path: target, file: path.join(target, "effects.jsonl"), httpFile: path.join(target, "http.jsonl") };
  }
  return { mode, path: target, file: target, httpFile: `${target.slice(0, -".jsonl".length)}.http.jsonl` };
}
