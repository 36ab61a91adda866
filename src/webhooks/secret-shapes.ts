// What looks like a secret: the known shapes of tokens, fields whose names tell, and texts too random to be words. One definition for
// replacing secrets and for finding those that were not replaced; a text with FAKE in it is none.
export const FAKE = "FAKE";

export interface Found {
  readonly start: number;
  readonly end: number;
  /** What it looks like, in words. */
  readonly what: string;
}

const SHAPES: readonly (readonly [what: string, pattern: RegExp])[] = [
  ["a GitHub token", /\b(?:gh[pousr]_[A-Za-z0-9]{30,}|github_pat_[A-Za-z0-9_]{30,})/g],
  ["a GitLab token", /\bgl(?:pat|ptt|rt|dt)-[A-Za-z0-9_-]{20,}/g],
  ["a Slack token", /\bx(?:ox[abeoprs]|app)-[A-Za-z0-9-]{10,}/g],
  [
    "a Slack address with a token",
    /hooks\.slack\.com\/(?:services|commands|actions|workflows|triggers)\/[A-Za-z0-9/_-]{16,}/g,
  ],
  ["a Stripe key", /\b[sr]k_(?:live|test)_[A-Za-z0-9]{16,}/g],
  ["a webhook secret", /\bwhsec_[A-Za-z0-9+/_-]{16,}={0,2}/g],
  ["an API key", /\bsk-(?:[a-z]+-)*[A-Za-z0-9_-]{20,}/g],
  ["an AWS access key", /\b(?:AKIA|ASIA)[0-9A-Z]{16}\b/g],
  ["a Google key", /\b(?:AIza[0-9A-Za-z_-]{35}|ya29\.[0-9A-Za-z_-]{20,})/g],
  ["a signed token (JWT)", /\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*/g],
  ["an npm token", /\bnpm_[A-Za-z0-9]{30,}/g],
  ["a PyPI token", /\bpypi-[A-Za-z0-9_-]{40,}/g],
  ["a SendGrid key", /\bSG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}/g],
  ["a Shopify token", /\bshp(?:at|ca|pa|ss)_[A-Fa-f0-9]{32}/g],
  ["a Twilio key", /\bSK[0-9a-f]{32}\b/g],
  ["a private key", /-----BEGIN [A-Z ]*PRIVATE KEY-----(?:[^-]|-(?!----END))*/g],
  ["a password in an address", /(?<=:\/\/[^/?#@\s:"']{0,100}:)[^/?#@\s"']{3,}(?=@)/g],
  [
    "a secret in an address",
    /(?<=[?&](?:[a-z]+[_-])?(?:token|key|api_?key|sig|signature|secret|auth|password|access_token|code)=)[^&#\s"'\\]{6,}/gi,
  ],
];

const TELLING =
  /(?:^|_)(?:token|secret|secrets|password|passwd|passphrase|api_?key|access_key|private_key|signing_key|signature|credentials?|authorization|cookie|trigger_id|response_url)$/;
/** Names that end so without holding one. */
const HARMLESS = /(?:^|_)(?:secret_ref|public_key|next_token|page_token|secret_type)$/;
/** Values that say themselves that they are none. */
const STAND_IN = /fake|example|redacted|sample|dummy|placeholder|changeme|xxx|\$\{|\{\{|^<.*>$|unused/i;

/** Everything in the value that looks like a secret, in order, without overlaps. */
export function secretsIn(value: string, field: string | null): Found[] {
  const found: Found[] = [];
  for (const [what, pattern] of SHAPES) {
    for (const match of value.matchAll(pattern)) add(found, match.index, match[0], what);
  }
  if (found.length === 0 && field !== null && tells(field) && holdsSecret(value))
    add(found, 0, value, `the value of ${field}`);
  for (const match of value.matchAll(/[A-Za-z0-9+/_=-]{40,}/g)) {
    if (looksRandom(match[0])) add(found, match.index, match[0], "a text too random to be words");
  }
  return found.toSorted((a, b) => a.start - b.start);
}

/** Whether a field of this name holds secrets. */
export function tells(field: string): boolean {
  const name = snake(field);
  return TELLING.test(name) && !HARMLESS.test(name);
}

/** `accessToken`, `Access-Token` and `access_token` are one name. */
export function snake(field: string): string {
  return field
    .replaceAll(/([a-z0-9])([A-Z])/g, "$1_$2")
    .replaceAll(/[-.\s]/g, "_")
    .toLowerCase();
}

function add(found: Found[], start: number, text: string, what: string): void {
  const end = start + text.length;
  if (text.includes(FAKE) || found.some((one) => start < one.end && one.start < end)) return;
  found.push({ start, end, what });
}

/** Long and mixed enough: a word is no secret even where one could stand. */
function holdsSecret(value: string): boolean {
  if (value.length < 12 || STAND_IN.test(value) || /\s/.test(value.trim().replace(/^(?:Bearer|Basic) /i, "")))
    return false;
  return /\d/.test(value) && /[A-Za-z]/.test(value) && entropy(value) >= 3;
}

function looksRandom(text: string): boolean {
  if (STAND_IN.test(text) || !/[a-z]/.test(text) || !/[A-Z]/.test(text) || !/\d/.test(text)) return false;
  // Paths are made of words.
  return text.split("/").every((part) => part.length === 0 || part.length >= 12) && entropy(text) >= 4.5;
}

/** Bits a character. */
function entropy(text: string): number {
  const counts = new Map<string, number>();
  for (const char of text) counts.set(char, (counts.get(char) ?? 0) + 1);
  let bits = 0;
  for (const count of counts.values()) bits -= (count / text.length) * Math.log2(count / text.length);
  return bits;
}
