// Lays the steps of two histories side by side. A step that each has once is matched by its name, wherever it stands; of a step that is
// used again and again (`fetch`, `fetch#2` …) those with equal results are matched first, the others in order.

/** What aligning needs of a step. `same` results have equal digests. */
export interface Alignable {
  readonly name: string;
  readonly digest: string;
}

/** Indices into the two lists; null where one has no such step. */
export interface Pair {
  readonly a: number | null;
  readonly b: number | null;
  /** In both, at another place among the steps that both have. */
  readonly moved: boolean;
}

/** Cells of the table that finds the longest common sequence; beyond it uses of a step are matched in order. */
const MOST_CELLS = 4_000_000;
const USE = /#[1-9]\d*$/;

/** The name without the number of its use. */
export function baseName(name: string): string {
  return name.replace(USE, "");
}

/** Every step of both exactly once, in the order of `a` with those of `b` in between. */
export function alignSteps(a: readonly Alignable[], b: readonly Alignable[]): Pair[] {
  const ofA = byBase(a);
  const ofB = byBase(b);
  const partner = new Map<number, number>();
  for (const [base, left] of ofA) {
    for (const [i, j] of matchUses(left, ofB.get(base) ?? [], a, b)) partner.set(i, j);
  }
  const matched = [...partner].toSorted(([i], [j]) => i - j);
  const inOrder = new Set(longestRise(matched.map(([, j]) => j)).map((at) => matched[at]![0]));
  return merge(a.length, b.length, partner, inOrder);
}

function byBase(steps: readonly Alignable[]): Map<string, number[]> {
  const found = new Map<string, number[]>();
  steps.forEach(({ name }, index) => {
    const base = baseName(name);
    const uses = found.get(base);
    if (uses) uses.push(index);
    else found.set(base, [index]);
  });
  return found;
}

function matchUses(
  left: readonly number[],
  right: readonly number[],
  a: readonly Alignable[],
  b: readonly Alignable[],
): [number, number][] {
  const anchors = commonSequence(
    left.map((i) => a[i]!.digest),
    right.map((j) => b[j]!.digest),
  );
  const pairs: [number, number][] = [];
  let from: [number, number] = [0, 0];
  for (const [x, y] of [...anchors, [left.length, right.length] as const]) {
    const between = Math.min(x - from[0], y - from[1]);
    for (let n = 0; n < between; n += 1) pairs.push([left[from[0] + n]!, right[from[1] + n]!]);
    if (x < left.length && y < right.length) pairs.push([left[x]!, right[y]!]);
    from = [x + 1, y + 1];
  }
  return pairs;
}

/** Positions of the longest sequence that both have in the same order. */
function commonSequence(a: readonly string[], b: readonly string[]): [number, number][] {
  let head = 0;
  while (head < a.length && head < b.length && a[head] === b[head]) head += 1;
  const pairs = Array.from({ length: head }, (_, at): [number, number] => [at, at]);
  const rows = a.length - head;
  const columns = b.length - head;
  if (rows * columns === 0 || rows * columns > MOST_CELLS) return pairs;
  const width = columns + 1;
  const table = new Uint32Array((rows + 1) * width);
  for (let i = rows - 1; i >= 0; i -= 1) {
    for (let j = columns - 1; j >= 0; j -= 1) {
      const longest = Math.max(table[(i + 1) * width + j]!, table[i * width + j + 1]!);
      table[i * width + j] = a[head + i] === b[head + j] ? table[(i + 1) * width + j + 1]! + 1 : longest;
    }
  }
  for (let i = 0, j = 0; i < rows && j < columns;) {
    if (a[head + i] === b[head + j]) pairs.push([head + i++, head + j++]);
    else if (table[(i + 1) * width + j]! >= table[i * width + j + 1]!) i += 1;
    else j += 1;
  }
  return pairs;
}

/** Positions of a longest rising subsequence. */
function longestRise(values: readonly number[]): number[] {
  const ends: number[] = [];
  const previous = values.map(() => -1);
  values.forEach((value, at) => {
    let low = 0;
    let high = ends.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (values[ends[middle]!]! < value) low = middle + 1;
      else high = middle;
    }
    if (low > 0) previous[at] = ends[low - 1]!;
    ends[low] = at;
  });
  const rise: number[] = [];
  for (let at = ends.at(-1) ?? -1; at >= 0; at = previous[at]!) rise.push(at);
  return rise.toReversed();
}

function merge(
  lengthA: number,
  lengthB: number,
  partner: ReadonlyMap<number, number>,
  inOrder: ReadonlySet<number>,
): Pair[] {
  const taken = new Set(partner.values());
  const pairs: Pair[] = [];
  let next = 0;
  const alone = (until: number): void => {
    for (; next < until; next += 1) if (!taken.has(next)) pairs.push({ a: null, b: next, moved: false });
  };
  for (let i = 0; i < lengthA; i += 1) {
    const j = partner.get(i) ?? null;
    if (j !== null && inOrder.has(i)) alone(j);
    pairs.push({ a: i, b: j, moved: j !== null && !inOrder.has(i) });
  }
  alone(lengthB);
  return pairs;
}
