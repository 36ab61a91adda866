// What Postgres' jsonb does to a JSON text. jsonb is what other programs read, but it sorts keys, keeps one of two equal keys, writes
// numbers in its own way and cannot hold every text; where the text would not come back as it was, the store keeps it beside.

/**
 * same: the jsonb, without the spaces Postgres puts in, is the text again · changed: jsonb holds it but says it differently ·
 * refused: jsonb may not hold it at all.
 */
export type JsonbFate = "same" | "changed" | "refused";

/** Postgres reads jsonb with a recursive parser; this many levels fit into its smallest stack many times over. */
const DEEPEST = 500;
/** Far below what a numeric holds (131,072 digits), far above any number a program computes with. */
const LONGEST_NUMBER = 1_000;
const LARGEST_EXPONENT = 400;
/** A jsonb string has less than 256 MB, in up to 4 bytes a character. */
const LONGEST_TEXT = 60_000_000;

const PLAIN_NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?$/;
const NEGATIVE_ZERO = /^-0(?:\.0+)?$/;
/** The escapes that Postgres writes itself. */
const OWN_ESCAPE = /\\(?:["\\bfnrt]|u00(?:0[1-7be-f]|1[\da-f]))/y;
const ESCAPED_UNIT = /\\(?:u([\da-fA-F]{4})|.)/g;
const PLAIN_KEY = /^[\x20-\x7e]*$/;

const QUOTE = 34;
const COMMA = 44;
const COLON = 58;
const OPEN_LIST = 91;
const BACKSLASH = 92;
const CLOSE_LIST = 93;
const OPEN_OBJECT = 123;
const CLOSE_OBJECT = 125;

/**
 * The fate of a text that is one valid JSON value. Errs on the side of "changed" and "refused". One pass, no recursion.
 */
export function jsonbFate(text: string): JsonbFate {
  if (text.length > LONGEST_TEXT || !text.isWellFormed()) return "refused";
  const walk = new Walk(text);
  while (walk.at < text.length) {
    if (!walk.step()) return "refused";
  }
  return walk.changed ? "changed" : "same";
}

/** Whether the text comes back from jsonb as it was. */
export function survivesJsonb(text: string): boolean {
  return jsonbFate(text) === "same";
}

/** The text that a jsonb was made from, from what Postgres prints, for texts that survive. */
export function compactJsonb(printed: string): string {
  if (!printed.includes(" ")) return printed;
  const parts: string[] = [];
  let at = 0;
  for (;;) {
    const quote = printed.indexOf('"', at);
    if (quote < 0) break;
    const end = endOfString(printed, quote);
    parts.push(printed.slice(at, quote).replaceAll(" ", ""), printed.slice(quote, end));
    at = end;
  }
  parts.push(printed.slice(at).replaceAll(" ", ""));
  return parts.join("");
}

/** Index behind the string that begins at `from`. */
function endOfString(text: string, from: number): number {
  let at = from + 1;
  for (;;) {
    const quote = text.indexOf('"', at);
    if (quote < 0) return text.length;
    let before = quote - 1;
    while (text.charCodeAt(before) === BACKSLASH) before -= 1;
    // An even number of backslashes escape each other, an odd one the quote.
    if ((quote - before) % 2 === 1) return quote + 1;
    at = quote + 1;
  }
}

class Walk {
  at = 0;
  changed = false;
  /** Of every open object its last key, of every open list null. */
  readonly #open: (string | null)[] = [];
  #keyIsNext = false;
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  /** Takes the next token; false when jsonb may refuse it. */
  step(): boolean {
    switch (this.#text.charCodeAt(this.at)) {
      case QUOTE:
        return this.#string();
      case OPEN_OBJECT:
        return this.#enter("");
      case OPEN_LIST:
        return this.#enter(null);
      case CLOSE_OBJECT:
      case CLOSE_LIST:
        this.#open.pop();
        break;
      case COMMA:
        this.#keyIsNext = this.#open.at(-1) !== null;
        break;
      case COLON:
        this.#keyIsNext = false;
        break;
      default:
        return this.#scalar();
    }
    this.at += 1;
    return true;
  }

  #enter(lastKey: string | null): boolean {
    this.#open.push(lastKey);
    // No key sorts before the empty one, so a first key that is empty is told by being first.
    if (lastKey !== null) this.#open[this.#open.length - 1] = NO_KEY;
    this.#keyIsNext = lastKey !== null;
    this.at += 1;
    return this.#open.length <= DEEPEST;
  }

  #string(): boolean {
    const end = endOfString(this.#text, this.at);
    const inner = this.#text.slice(this.at + 1, end - 1);
    this.at = end;
    if (this.#keyIsNext) this.#key(inner);
    if (hasOwnEscapesOnly(inner)) return true;
    this.changed = true;
    return holdsEscapes(inner);
  }

  /** jsonb's order of keys: shorter ones first, then by their bytes. */
  #key(key: string): void {
    const last = this.#open.at(-1) ?? NO_KEY;
    const inOrder = last === NO_KEY || key.length > last.length || (key.length === last.length && key > last);
    if (!inOrder || !PLAIN_KEY.test(key) || key.includes("\\")) this.changed = true;
    this.#open[this.#open.length - 1] = key;
  }

  /** A number, true, false or null, or white space. */
  #scalar(): boolean {
    const start = this.at;
    const first = this.#text.charCodeAt(start);
    if (first <= 32) {
      this.changed = true;
      this.at += 1;
      return true;
    }
    while (this.at < this.#text.length && !endsScalar(this.#text.charCodeAt(this.at))) this.at += 1;
    if (first !== 45 && (first < 48 || first > 57)) return true;
    const number = this.#text.slice(start, this.at);
    if (!PLAIN_NUMBER.test(number) || NEGATIVE_ZERO.test(number)) this.changed = true;
    return number.length <= LONGEST_NUMBER && exponentOf(number) <= LARGEST_EXPONENT;
  }
}

/** Not a key of any JSON text: a raw control character. */
const NO_KEY = "\u0001";

function endsScalar(code: number): boolean {
  return code <= 32 || code === COMMA || code === CLOSE_LIST || code === CLOSE_OBJECT;
}

function exponentOf(number: string): number {
  const mark = number.search(/[eE]/);
  return mark < 0 ? 0 : Math.abs(Number(number.slice(mark + 1)));
}

/** Whether the escapes of a string stand for characters a text of Postgres can hold: no NUL, no half of a surrogate pair. */
function holdsEscapes(inner: string): boolean {
  const plain = inner.replaceAll(ESCAPED_UNIT, (_, hex?: string) =>
    hex === undefined ? "" : String.fromCharCode(Number.parseInt(hex, 16)),
  );
  return plain.isWellFormed() && !plain.includes("\u0000");
}

/** Escape by escape, because one pattern for the whole of a long string runs out of stack. */
function hasOwnEscapesOnly(inner: string): boolean {
  for (let at = inner.indexOf("\\"); at >= 0; at = inner.indexOf("\\", OWN_ESCAPE.lastIndex)) {
    OWN_ESCAPE.lastIndex = at;
    if (!OWN_ESCAPE.test(inner)) return false;
  }
  return true;
}
