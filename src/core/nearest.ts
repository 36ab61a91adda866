// The names a person may have meant.

function distance(a: string, b: string, limit: number): number {
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      row.push(Math.min(previous[j]! + 1, row[j - 1]! + 1, previous[j - 1]! + same));
    }
    if (Math.min(...row) > limit) return limit + 1;
    previous = row;
  }
  return previous[b.length]!;
}

/** Up to `count` names of `known` that look like `word`, the nearest first. */
export function nearest(word: string, known: Iterable<string>, count = 3): string[] {
  if (word.length > 256) return [];
  const wanted = word.toLowerCase();
  const scored: { name: string; score: number }[] = [];
  for (const name of known) {
    const other = name.toLowerCase();
    const limit = Math.max(2, Math.floor(Math.max(wanted.length, other.length) / 3));
    const contained = wanted.length >= 3 && (other.includes(wanted) || wanted.includes(other));
    const score = contained ? 1 : distance(wanted, other, limit);
    if (score <= limit) scored.push({ name, score });
  }
  scored.sort((a, b) => a.score - b.score || a.name.localeCompare(b.name));
  return scored.slice(0, count).map((entry) => entry.name);
}
