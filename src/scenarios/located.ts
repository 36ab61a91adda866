// Where in a scenario file something stands, for messages that a person can click on.
import { isMap, isNode, isPair, type Document, type LineCounter } from "yaml";

export type Path = readonly (string | number)[];

export interface Place {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** `file:line:column`. */
export function placeText({ file, line, column }: Place): string {
  return `${file}:${line}:${column}`;
}

/** One scenario's part of a file. */
export interface Source {
  readonly file: string;
  readonly document: Document;
  /** All of the file. */
  readonly text: string;
  readonly lines: LineCounter;
  /** From the document's root to the scenario. */
  readonly root: Path;
}

/** Where this stands, or the nearest thing around it that is there. */
export function placeOf({ file, document, lines, root }: Source, path: Path): Place {
  const full = [...root, ...path];
  for (let length = full.length; length >= 0; length -= 1) {
    const offset = offsetOf(document, full.slice(0, length));
    if (offset === null) continue;
    const { line, col } = lines.linePos(offset);
    return { file, line, column: col };
  }
  return { file, line: 1, column: 1 };
}

/** A member counts from its name, an element from its value. */
function offsetOf(document: Document, path: Path): number | null {
  const last = path.at(-1);
  const parent = path.length === 0 ? undefined : document.getIn(path.slice(0, -1), true);
  if (isMap(parent)) {
    const pair = parent.items.find((item) => isPair(item) && String(keyOf(item.key)) === String(last));
    if (pair && isNode(pair.key)) return pair.key.range?.[0] ?? null;
  }
  const node = path.length === 0 ? document.contents : document.getIn(path, true);
  return isNode(node) ? (node.range?.[0] ?? null) : null;
}

function keyOf(key: unknown): unknown {
  return isNode(key) && "value" in key ? key.value : key;
}

/** `runs[0].result."odd name"` as its parts. */
export function pathOf(text: string): (string | number)[] {
  const parts: (string | number)[] = [];
  for (const [, index, quoted, plain] of text.matchAll(/\[(\d+)\]|("(?:[^"\\]|\\.)*")|([^.[\]"]+)/g)) {
    if (index !== undefined) parts.push(Number(index));
    else parts.push(quoted === undefined ? plain! : (JSON.parse(quoted) as string));
  }
  return parts;
}
