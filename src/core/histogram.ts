// Counts of how large things were, by upper bounds: what a scrape turns into quantiles.

export class Histogram {
  /** Rising upper bounds; what is beyond the last one counts in `count` only. */
  readonly bounds: readonly number[];
  /** Those at or below each bound and above the one before it. */
  readonly counts: number[];
  count = 0;
  sum = 0;

  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.counts = bounds.map(() => 0);
  }

  observe(size: number): void {
    this.count += 1;
    this.sum += size;
    const first = this.bounds.findIndex((bound) => size <= bound);
    if (first >= 0) this.counts[first]! += 1;
  }
}

/** For how much of something went together. */
export const BATCH_SIZES: readonly number[] = [1, 2, 5, 10, 25, 50, 100, 250, 500];
