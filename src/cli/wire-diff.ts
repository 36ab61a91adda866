// The differences of two runs as the API tells them.
import type { WireFailure } from "./wire-run.ts";

export interface WirePair<T> {
  readonly a: T | null;
  readonly b: T | null;
}

export interface WireChange {
  readonly path: string;
  readonly kind: "added" | "removed" | "changed";
  readonly before: string | null;
  readonly after: string | null;
}

interface WireChanges {
  readonly changes: readonly WireChange[];
  readonly more: boolean;
}

interface WireSide {
  readonly task_id: string;
  readonly workflow_name: string;
  readonly attempt: number;
  readonly generation: string | null;
}

export interface WireDiffedStep extends WireChanges {
  readonly name: string;
  readonly other_name: string | null;
  readonly status: "same" | "changed" | "only_a" | "only_b" | "moved";
  readonly kind: WirePair<string>;
  readonly duration_ms: WirePair<number>;
  readonly position: WirePair<string>;
}

export interface WireDiff {
  readonly a: WireSide;
  readonly b: WireSide;
  readonly equal: boolean;
  readonly first_divergence: { readonly message: string } | null;
  readonly input: WireChanges;
  readonly steps: readonly WireDiffedStep[];
  readonly output: WireChanges;
  readonly status: WirePair<string>;
  readonly failure: WirePair<WireFailure>;
  readonly total_ms: WirePair<number>;
  readonly code: readonly { readonly path: string; readonly change: "added" | "removed" | "changed" }[] | null;
}
