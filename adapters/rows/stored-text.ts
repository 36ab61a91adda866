// Texts as the stores keep them: characters that a database cannot hold, and the mark itself, are written as the mark and four hex digits.
// Which characters those are is each store's own matter; reading is the same for all.

/** The mark: no character (U+FFFE), so that it is in nobody's text. */
export const ESCAPE = "\uFFFE";
const ESCAPED = /\uFFFE([0-9a-f]{4})/g;

export function hexOf(char: string): string {
  return char.charCodeAt(0).toString(16).padStart(4, "0");
}

export function unpackText(text: string): string {
  if (!text.includes(ESCAPE)) return text;
  return text.replace(ESCAPED, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

export function unpackTextOrNull(text: string | null): string | null {
  return text === null ? null : unpackText(text);
}
