// Finds where a text stops being JSON. JSON.parse decides whether it is; its messages name the place only sometimes, and a person who
// typed an input on a command line needs it always.

export interface JsonFault {
  /** Index of the first character that cannot stand there; the text's length when it ends too early. */
  readonly at: number;
  readonly line: number;
  readonly column: number;
  readonly expected: string;
}

const SPACE = /[ \t\r\n]*/y;
const SCALAR = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;

type Expectation = "value" | "value or ]" | "name or }" | "name" | ":" | ", or end" | "end";

const WORDS: Record<Exclude<Expectation, ", or end">, string> = {
  value: "a value",
  "value or ]": "a value or ]",
  "name or }": 'a name in double quotes or "}"',
  name: "a name in double quotes",
  ":": '":"',
  end: "nothing more",
};

/** Where the text breaks, or null when it is one JSON value. Not recursive. */
export function findJsonFault(text: string): JsonFault | null {
  const open: ("{" | "[")[] = [];
  let expect: Expectation = "value";
  let at = 0;
  const match = (pattern: RegExp): boolean => {
    pattern.lastIndex = at;
    const found = pattern.exec(text);
    if (found) at += found[0].length;
    return found !== null;
  };
  const skip: Skip = {
    scalar: () => match(SCALAR),
    string() {
      const end = stringEnd(text, at);
      if (end !== null) at = end;
      return end !== null;
    },
  };
  for (;;) {
    match(SPACE);
    if (at === text.length && expect === "end") return null;
    const next = step(text[at], expect, open, skip);
    if (next === null) return describe(text, at, expect, open);
    if (next.consumed) at += 1;
    expect = next.expect === ", or end" && open.length === 0 ? "end" : next.expect;
  }
}

/** Move on behind the token that begins here, when it is one. */
interface Skip {
  readonly scalar: () => boolean;
  readonly string: () => boolean;
}

const ESCAPED = '"\\/bfnrt';
const FOUR_HEX = /^[0-9a-fA-F]{4}$/;

/** Index behind the string that begins at `from`; null when it is none. Character by character: a pattern for this can try for ever. */
function stringEnd(text: string, from: number): number | null {
  for (let at = from + 1; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === 0x22) return at + 1;
    if (code < 0x20) return null;
    if (code !== 0x5c) continue;
    at += 1;
    const escaped = text.charAt(at);
    if (escaped === "u" && FOUR_HEX.test(text.slice(at + 1, at + 5))) at += 4;
    else if (escaped === "" || !ESCAPED.includes(escaped)) return null;
  }
  return null;
}

interface Step {
  readonly expect: Expectation;
  /** One punctuation character was read; a string or a scalar moved on by itself. */
  readonly consumed: boolean;
}

/** One token; null when it cannot stand here. */
function step(char: string | undefined, expect: Expectation, open: ("{" | "[")[], skip: Skip): Step | null {
  if (char === undefined || expect === "end") return null;
  if (expect === ":") return char === ":" ? { expect: "value", consumed: true } : null;
  if (expect === ", or end") {
    const inside = open.at(-1);
    if (char === ",") return { expect: inside === "{" ? "name" : "value", consumed: true };
    return closes(char, inside) ? close(open) : null;
  }
  if (expect === "name" || expect === "name or }") {
    if (char === "}" && expect === "name or }") return close(open);
    return char === '"' && skip.string() ? { expect: ":", consumed: false } : null;
  }
  if (char === "]" && expect === "value or ]") return close(open);
  if (char === "{" || char === "[") {
    open.push(char);
    return { expect: char === "{" ? "name or }" : "value or ]", consumed: true };
  }
  return (char === '"' ? skip.string() : skip.scalar()) ? { expect: ", or end", consumed: false } : null;
}

function closes(char: string, inside: "{" | "[" | undefined): boolean {
  return (char === "}" && inside === "{") || (char === "]" && inside === "[");
}

function close(open: ("{" | "[")[]): Step {
  open.pop();
  return { expect: ", or end", consumed: true };
}

function describe(text: string, at: number, expect: Expectation, open: readonly ("{" | "[")[]): JsonFault {
  const before = text.slice(0, at).split("\n");
  const closer = open.at(-1) === "{" ? "}" : "]";
  const expected = expect === ", or end" ? `"," or "${closer}"` : WORDS[expect];
  return { at, line: before.length, column: before.at(-1)!.length + 1, expected };
}
