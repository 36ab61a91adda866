// The texts inside a JSON document, looked at or replaced where they stand: numbers, order, blanks and repeated keys stay as they were.

/** `path` holds the names of the objects' members above the text, outermost first. */
export type Visit = (value: string, path: readonly string[]) => string;

interface Level {
  readonly object: boolean;
  key: string;
  wantsKey: boolean;
}

/** The document with every text that is a value replaced by what `visit` answers. It must be valid JSON. */
export function rewriteStrings(json: string, visit: Visit): string {
  const levels: Level[] = [];
  let out = "";
  let at = 0;
  while (at < json.length) {
    const char = json[at]!;
    if (char !== '"') {
      track(levels, char);
      out += char;
      at += 1;
      continue;
    }
    const end = endOfText(json, at);
    const token = json.slice(at, end);
    const level = levels.at(-1);
    if (level?.object && level.wantsKey) {
      level.key = JSON.parse(token) as string;
      out += token;
    } else {
      const value = JSON.parse(token) as string;
      const path = levels.filter(({ object }) => object).map(({ key }) => key);
      const next = visit(value, path);
      out += next === value ? token : JSON.stringify(next);
    }
    at = end;
  }
  return out;
}

function track(levels: Level[], char: string): void {
  if (char === "{") levels.push({ object: true, key: "", wantsKey: true });
  else if (char === "[") levels.push({ object: false, key: "", wantsKey: false });
  else if (char === "}" || char === "]") levels.pop();
  else if (char === ":" || char === ",") {
    const level = levels.at(-1);
    if (level) level.wantsKey = char === ",";
  }
}

function endOfText(json: string, start: number): number {
  let at = start + 1;
  while (at < json.length && json[at] !== '"') at += json[at] === "\\" ? 2 : 1;
  return at + 1;
}
