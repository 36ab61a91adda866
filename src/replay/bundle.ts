// A bundle: everything that is on record of one task, to be looked at, compared, forked and replayed elsewhere. What each part is, and how
// much of it there may be.
import type { StoredGeneration } from "../ports/store-code.ts";
import type { Effect } from "../ports/store-effects.ts";
import type { KeptSource, TransferRows } from "../ports/store-transfer.ts";
import type { Checkpoint, LogLine, Run, StoredEvent, Task, Wait } from "../ports/store-types.ts";

/** Rises with every change that an older reader would misread. */
export const BUNDLE_VERSION = 1;
/** Of the file, in bytes. */
export const LARGEST_BUNDLE = 128 * 1024 * 1024;
/** Of what it unpacks to: a file of a thousandth of that can be made to. */
export const LARGEST_UNPACKED = 512 * 1024 * 1024;

/** A value that was replaced: where, not what. */
export interface Replaced {
  /** `checkpoints[2].value`, a line of a log … */
  readonly where: string;
  /** Inside a JSON value. */
  readonly paths: readonly string[];
}

export interface BundleAbout {
  readonly chironVersion: string;
  readonly exportedAt: number;
  readonly taskId: string;
  readonly workflowName: string;
  /** Secrets and personal data were replaced by stand-ins. */
  readonly redacted: boolean;
  readonly replaced: readonly Replaced[];
}

export interface BundleParts {
  readonly task: readonly Task[];
  readonly runs: readonly Run[];
  readonly checkpoints: readonly Checkpoint[];
  readonly waits: readonly Wait[];
  /** Those that were emitted under the names that it waits for. */
  readonly events: readonly StoredEvent[];
  readonly logs: readonly LogLine[];
  readonly effects: readonly Effect[];
  readonly deliveries: readonly TransferRows["deliveries"][];
  readonly generations: readonly StoredGeneration[];
  readonly sources: readonly KeptSource[];
}
export type PartName = keyof BundleParts;

export interface Bundle {
  readonly about: BundleAbout;
  readonly parts: BundleParts;
}

/** In the order of the file. most: rows that a reader takes. */
export const PARTS: Readonly<Record<PartName, { readonly most: number }>> = {
  task: { most: 1 },
  runs: { most: 1_000 },
  checkpoints: { most: 200_000 },
  waits: { most: 10_000 },
  events: { most: 10_000 },
  logs: { most: 200_000 },
  effects: { most: 50_000 },
  deliveries: { most: 1_000 },
  generations: { most: 1_000 },
  sources: { most: 20_000 },
};
export const PART_NAMES = Object.keys(PARTS) as PartName[];
