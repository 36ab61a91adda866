// Hides known secrets in a text: as they are, and as URLs, JSON, forms and base64 carry them. A JSON text stays one. Values that are
// too short to tell from ordinary text are not looked for.

export interface Secret {
  /** Stands where the value was. */
  readonly name: string;
  readonly value: string;
}

/** The text without the secrets. */
export type Mask = (text: string) => string;

export const NO_MASK: Mask = (text) => text;

/** Below this a value is as likely a word or a number as a secret. */
export const SHORTEST_SECRET = 6;
/** A piece of base64 this long is no accident. */
const SHORTEST_PIECE = 8;
/** Code points that a regular expression would read as something else. */
const SPECIAL = /[\\^$.*+?()[\]{}|/-]/g;

/** One matcher for all of them, made once. */
export function createMask(secrets: readonly Secret[]): Mask {
  const names = new Map<string, string>();
  for (const { name, value } of secrets) {
    if (value.length < SHORTEST_SECRET) continue;
    for (const form of formsOf(value)) if (!names.has(form)) names.set(form, name);
  }
  if (names.size === 0) return NO_MASK;
  // The longest form wins: a secret that begins like another one is not left half visible.
  const forms = [...names.keys()].toSorted((a, b) => b.length - a.length);
  const pattern = new RegExp(forms.map((form) => form.replace(SPECIAL, "\\$&")).join("|"), "g");
  return (text) => text.replace(pattern, (found) => `[secret ${names.get(found)!}]`);
}

function formsOf(value: string): Set<string> {
  const forms = new Set([value, ...jsonForms(value)]);
  if (value.isWellFormed()) {
    const url = encodeURIComponent(value);
    const strict = url.replace(/[!'()*~]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
    for (const one of [url, strict, strict.replaceAll("%20", "+")]) {
      forms.add(one).add(one.replace(/%[0-9A-F]{2}/g, (hex) => hex.toLowerCase()));
    }
    for (const piece of base64Pieces(value)) forms.add(piece);
  }
  return forms;
}

/** As JavaScript and as Python write it into a JSON string, and that string inside another one. */
function jsonForms(value: string): string[] {
  const once = inside(value);
  const ascii = once.replace(/[\u007f-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
  return [once, ascii, inside(once), inside(ascii)];
}

function inside(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}

/** What of the value shows in base64 wherever it begins: a group of three bytes may start one or two bytes before it. */
function base64Pieces(value: string): string[] {
  const bytes = Buffer.from(value);
  const pieces = [bytes.toString("base64"), bytes.toString("base64url")];
  for (const before of [0, 1, 2]) {
    const text = Buffer.concat([Buffer.alloc(before), bytes]).toString("base64");
    const first = Math.ceil((before * 8) / 6);
    const piece = text.slice(first, Math.floor(((before + bytes.length) * 8) / 6));
    if (piece.length >= SHORTEST_PIECE) pieces.push(piece, piece.replaceAll("+", "-").replaceAll("/", "_"));
  }
  return pieces;
}
