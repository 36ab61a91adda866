// Durations as people write them: 500ms, 90s, 15m, 12h, 30d, and sums such as 1h30m.

const UNIT_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};
const PART = /(\d+(?:\.\d+)?)(ms|s|m|h|d|w)/y;

/** Milliseconds of such a text, or null when it is not one. A bare number is seconds. */
export function parseDuration(text: string): number | null {
  const trimmed = text.trim().toLowerCase();
  if (/^\d+(\.\d+)?$/.test(trimmed)) return Math.round(Number(trimmed) * 1_000);
  PART.lastIndex = 0;
  let total = 0;
  let at = 0;
  while (at < trimmed.length) {
    const part = PART.exec(trimmed);
    if (!part) return null;
    total += Number(part[1]) * UNIT_MS[part[2]!]!;
    at = PART.lastIndex;
  }
  return at === 0 ? null : Math.round(total);
}

/** Short text of a duration for a person: 12ms, 3.4s, 5m 10s, 2h 3m, 4d 1h. */
export function formatDuration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)}ms`;
  if (ms < 60_000) return `${Math.round(ms / 100) / 10}s`;
  const units: [number, string][] = [
    [86_400_000, "d"],
    [3_600_000, "h"],
    [60_000, "m"],
    [1_000, "s"],
  ];
  const first = units.findIndex(([size]) => ms >= size);
  const [size, letter] = units[first]!;
  const head = `${Math.floor(ms / size)}${letter}`;
  const next = units[first + 1];
  const rest = next ? Math.floor((ms % size) / next[0]) : 0;
  return rest > 0 ? `${head} ${rest}${next![1]}` : head;
}
