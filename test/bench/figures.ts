// What the bench reports: figures with their targets, and what is made of many measurements. Targets are aims for a table, never
// assertions: a machine may be slow.

export interface Target {
  readonly must: number;
  readonly aim: number;
  readonly better: "higher" | "lower";
}

export interface Figure {
  readonly name: string;
  /** null: could not be measured here; `note` says why. */
  readonly value: number | null;
  readonly unit: string;
  readonly target?: Target;
  readonly note?: string;
}

export type Verdict = "aim" | "ok" | "below" | "";

export interface Section {
  readonly name: string;
  readonly title: string;
  /** Left out unless it is asked for: it needs what the main install does not have. */
  readonly onRequest?: boolean;
  run(bench: Bench): Promise<Figure[]>;
}

export interface Bench {
  /** A folder on a real disk, removed at the end. */
  readonly dir: string;
  readonly quick: boolean;
  /** Tells what is being done, on stderr. */
  say(text: string): void;
}

export const atLeast = (must: number, aim: number): Target => ({ must, aim, better: "higher" });
export const atMost = (must: number, aim: number): Target => ({ must, aim, better: "lower" });

export function verdict({ value, target }: Figure): Verdict {
  if (value === null || !target) return "";
  const reaches = (wanted: number): boolean => (target.better === "higher" ? value >= wanted : value <= wanted);
  return reaches(target.aim) ? "aim" : reaches(target.must) ? "ok" : "below";
}

/** The value below which this share of the sorted values lies (nearest rank). */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(share * sorted.length) - 1))]!;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** "lowest to highest", for the note of a median. */
export function spread(values: readonly number[]): string {
  return `${shown(Math.min(...values))} to ${shown(Math.max(...values))}`;
}

export function shown(value: number | null): string {
  if (value === null) return "-";
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 100) return Math.round(value).toLocaleString("en");
  if (size >= 10) return value.toFixed(1);
  return size >= 1 ? value.toFixed(2) : value.toPrecision(2);
}
