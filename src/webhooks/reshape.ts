// Stand-ins of the same shape: letters for letters, digits for digits, always the same one for the same value.
import { createHash } from "node:crypto";
import { FAKE } from "./secret-shapes.ts";

const LOWER = "abcdefghijklmnopqrstuvwxyz";
const FIRST = [
  "Ada",
  "Alan",
  "Barbara",
  "Edsger",
  "Frances",
  "Grace",
  "Hedy",
  "Jean",
  "Katherine",
  "Ken",
  "Leslie",
  "Radia",
];
const LAST = [
  "Abbott",
  "Becker",
  "Castillo",
  "Dubois",
  "Eriksen",
  "Fischer",
  "Garcia",
  "Hansen",
  "Ito",
  "Jansen",
  "Kim",
  "Lopez",
];

/** As many bytes as wanted, the same for the same value and kind. */
function bytesFor(kind: string, value: string, count: number): Buffer {
  const blocks: Buffer[] = [];
  for (let n = 0; n * 32 < count; n += 1) blocks.push(createHash("sha256").update(`${kind}\0${n}\0${value}`).digest());
  return Buffer.concat(blocks);
}

/** Every letter and digit replaced, everything else where it was. */
export function reshape(kind: string, value: string): string {
  const bytes = bytesFor(kind, value, value.length);
  return value.replaceAll(/[A-Za-z0-9]/g, (char, at: number) => {
    const byte = bytes[at]!;
    if (/\d/.test(char)) return String(byte % 10);
    const letter = LOWER[byte % 26]!;
    return /[A-Z]/.test(char) ? letter.toUpperCase() : letter;
  });
}

const PREFIX =
  /^(?:Bearer |Basic |gh[pousr]_|github_pat_|gl\w{2,3}-|xox[a-z]-|xapp-|[sr]k_(?:live|test)_|whsec_|sk-|AKIA|ASIA|AIza|ya29\.|eyJ|npm_|pypi-|SG\.|shp\w\w_|hooks\.slack\.com\/\w+\/|https?:\/\/[^/?#]+\/)/;

/** Keeps what tells the kind of token, and says of itself that it is none. */
export function fakeSecret(value: string): string {
  const prefix = PREFIX.exec(value)?.[0] ?? "";
  const rest = reshape("secret", value.slice(prefix.length));
  return prefix + FAKE + rest.slice(FAKE.length);
}

export function fakeEmail(value: string): string {
  return `${reshape("email", value.slice(0, value.indexOf("@")))}@example.com`;
}

/** Of the numbers that are given to nobody (555), in the same grouping. */
export function fakePhone(value: string): string {
  const digits = `1555${reshape("phone", value.replaceAll(/\D/g, ""))}`;
  let at = 0;
  return value.replaceAll(/\d/g, () => digits[at++]!);
}

/** Of the ranges for documentation (RFC 5737, RFC 3849). */
export function fakeIp(value: string): string {
  const [byte, more] = bytesFor("ip", value, 2) as unknown as [number, number];
  if (value.includes(":")) return `2001:db8::${byte.toString(16)}:${more.toString(16)}`;
  return `${more % 2 === 0 ? "203.0.113" : "198.51.100"}.${1 + (byte % 254)}`;
}

/** A number of no bank that passes the same check. */
export function fakeCard(value: string): string {
  const length = value.replaceAll(/\D/g, "").length;
  const body = `400000${reshape("card", "0".repeat(length) + value).slice(0, length)}`.slice(0, length - 1);
  const digits = [...Array(10).keys()].map((last) => body + last).find(passesLuhn)!;
  let at = 0;
  return value.replaceAll(/\d/g, () => digits[at++]!);
}

export function passesLuhn(digits: string): boolean {
  const reversed = Array.from(digits, Number).toReversed();
  const sum = reversed.reduce((total, digit, at) => {
    const value = digit * (at % 2 === 0 ? 1 : 2);
    return total + (value > 9 ? value - 9 : value);
  }, 0);
  return sum % 10 === 0;
}

/** Two names stay two, a login stays a login. */
export function fakeName(value: string): string {
  const [first, last, tail] = bytesFor("name", value, 32) as unknown as [number, number, number];
  const name = FIRST[first % FIRST.length]!;
  const id = (tail * 256 + last).toString(16).padStart(4, "0");
  if (/\s/.test(value.trim())) return `${name} ${LAST[last % LAST.length]!}`;
  return /^[a-z0-9._-]+$/.test(value) ? `${name.toLowerCase()}-${id}` : name;
}
