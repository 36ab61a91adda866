// Replaces secrets and personal data by stand-ins of the same shape. The same value gets the same stand-in everywhere, in every file and
// on every machine, so that what belongs together still does. What it cannot know (a name in free text) it leaves: a person looks at the diff.
import { createMask, type Secret } from "../core/redaction.ts";
import { rewriteStrings } from "./json-strings.ts";
import { fakeCard, fakeEmail, fakeIp, fakeName, fakePhone, fakeSecret, passesLuhn, reshape } from "./reshape.ts";
import { FAKE, secretsIn, snake, tells } from "./secret-shapes.ts";

const NAME_FIELD =
  /^(?:(?:first|last|full|real|display|given|family|middle|nick|user|card_?holder|customer|contact|author|sender)_?name(?:_normalized)?|login|username|nickname)$/;
/** Whose plain `name` is a person's. */
const PERSON =
  /^(?:user|users|sender|author|owner|committer|pusher|assignee|assignees|creator|actor|customer|contact|member|members|profile|person|reporter|requester|billing_details|shipping|from|to|cc|participant|agent|account_owner)$/;
const PHONE_FIELD = /(?:^|_)(?:phone|mobile|tel|fax|msisdn|phone_number)$/;
const PLACE_FIELD = /^(?:line1|line2|address1|address2|street|street_address|postal_code|zip|zip_code|postcode)$/;
/** The least that is looked for elsewhere: shorter names are parts of words. */
const FINDABLE = 4;
const KEEP = /(?:@|\.)(?:example\.(?:com|org|net)|users\.noreply\.github\.com|localhost)$/i;
const PASSWORDLESS: readonly RegExp[] = [/^git@/];

type Replace = readonly [pattern: RegExp, fake: (value: string) => string];
const PATTERNS: readonly Replace[] = [
  [/[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}/g, emailUnlessKept],
  [/(?<![\w+])\+\d(?:[ ().-]?\d){7,14}(?!\d)/g, fakePhone],
  [/(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.])/g, (ip) => (isPublicIp(ip) ? fakeIp(ip) : ip)],
  [/(?<![\w:])(?:[0-9a-f]{1,4}:){2,7}(?::?[0-9a-f]{1,4}){1,6}(?![\w:])/gi, (ip) => (isIpv6(ip) ? fakeIp(ip) : ip)],
  [
    /(?<!\d)[3-6]\d{3}(?:[ -]?\d){9,15}(?!\d)/g,
    (card) => (passesLuhn(card.replaceAll(/\D/g, "")) ? fakeCard(card) : card),
  ],
];

export interface Fakes {
  /** A header, or another value with a name. */
  value(field: string, value: string): string;
  /** A body of this media type. */
  body(text: string, mediaType: string): string;
}

/** `known` are values that must not stay, whatever they look like. */
export function createFakes(known: readonly Secret[]): Fakes {
  const mask = createMask(known);
  const names = new Map<string, string>();
  const one = (value: string, path: readonly string[]): string => {
    const masked = mask(value).replaceAll(/\[secret ([^\]]+)\]/g, `${FAKE}-$1`);
    return withNames(names, replaced(masked, path, names));
  };
  const body = (text: string, mediaType: string): string => {
    if (isJson(text)) {
      // Names are learnt first: they stand elsewhere too, before and behind.
      rewriteStrings(text, (value, path) => replaced(value, path, names));
      return rewriteStrings(text, one);
    }
    if (mediaType !== "application/x-www-form-urlencoded") return one(text, []);
    return text
      .split("&")
      .map((pair) => formPair(pair, (name, value) => (isJson(value) ? body(value, "") : one(value, [name]))))
      .join("&");
  };
  return { value: (field, value) => one(value, [field]), body };
}

function isJson(text: string): boolean {
  if (!/^\s*[[{"]/.test(text)) return false;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** A pair whose value stays is written as it was. */
function formPair(pair: string, visit: (name: string, value: string) => string): string {
  const [entry] = new URLSearchParams(pair);
  if (!entry) return pair;
  const next = visit(...entry);
  return next === entry[1] ? pair : new URLSearchParams([[entry[0], next]]).toString();
}

function replaced(value: string, path: readonly string[], names: Map<string, string>): string {
  if (value.trim() === "") return value;
  const field = path.at(-1) ?? "";
  const name = snake(field);
  if (tells(field) && value.length >= 6 && !value.includes(FAKE)) return fakeSecret(value);
  if (isName(name, path) && !value.includes("/")) {
    if (!names.has(value)) names.set(value, fakeName(value));
    return names.get(value)!;
  }
  if (PHONE_FIELD.test(name) && /\d{5}/.test(value.replaceAll(/\D/g, ""))) return fakePhone(value);
  if (PLACE_FIELD.test(name)) return reshape("place", value);
  return patterns(withoutSecrets(value, field));
}

function isName(name: string, path: readonly string[]): boolean {
  return NAME_FIELD.test(name) || (name === "name" && path.length > 1 && PERSON.test(snake(path.at(-2)!)));
}

function withoutSecrets(value: string, field: string): string {
  let out = value;
  for (const { start, end } of secretsIn(value, field === "" ? null : field).toReversed())
    out = out.slice(0, start) + fakeSecret(out.slice(start, end)) + out.slice(end);
  return out;
}

function patterns(value: string): string {
  let out = value;
  for (const [pattern, fake] of PATTERNS) out = out.replaceAll(pattern, fake);
  return out;
}

function emailUnlessKept(email: string): string {
  return KEEP.test(email) || PASSWORDLESS.some((one) => one.test(email)) ? email : fakeEmail(email);
}

function withNames(names: ReadonlyMap<string, string>, value: string): string {
  let out = value;
  for (const [name, fake] of names) {
    if (name.length < FINDABLE || !out.includes(name)) continue;
    const pattern = name.replaceAll(/[\\^$.*+?()[\]{}|]/g, "\\$&");
    out = out.replaceAll(new RegExp(`(?<![A-Za-z0-9])${pattern}(?![A-Za-z0-9])`, "g"), fake);
  }
  return out;
}

function isPublicIp(ip: string): boolean {
  const parts = ip.split(".").map(Number);
  return (
    parts.every((part) => part <= 255) &&
    parts[0] !== 127 &&
    ip !== "0.0.0.0" &&
    !/^(?:203\.0\.113|198\.51\.100)\./.test(ip)
  );
}

function isIpv6(text: string): boolean {
  const groups = text.split(":");
  return (
    (groups.length === 8 || text.includes("::")) && groups.length > 3 && !text.toLowerCase().startsWith("2001:db8:")
  );
}
