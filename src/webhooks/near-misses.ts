// Why a signature does not fit, in the ways that happen to people: the wrong secret of several, a changed body, another header or
// encoding, an address that is not the sender's. Pure; answers sentences for the webhook's owner that hold no secret and no signature.
import { createHmac } from "node:crypto";
import { providerOf, secretRefsOf, type WebhookAuth } from "./auth.ts";
import type { HookRequest, Provider } from "./provider.ts";
import { sameText } from "./signature.ts";

export interface NearMissCase {
  readonly auth: WebhookAuth;
  /** As it came, with everything that was signed. */
  readonly request: HookRequest;
  /** When it came, in the sender's time. */
  readonly nowMs: number;
  readonly secret: (name: string) => string | undefined;
  /** Variables that may hold secrets of other webhooks, or earlier ones. */
  readonly otherNames: readonly string[];
}

/** What would have made it fit; empty when nothing that is known would. */
export function nearMisses(given: NearMissCase): string[] {
  const provider = providerOf(given.auth);
  if (provider === null) return [];
  const { request, nowMs } = given;
  const found: string[] = [];
  for (const name of secretRefsOf(given.auth)) {
    const secret = given.secret(name) ?? "";
    if (secret.trim() === "") continue;
    const fits = (changed: HookRequest, value = secret.trim()): boolean => provider.verify(changed, value, nowMs).ok;
    if (provider.toleranceMs !== null) found.push(...clockMiss(provider, request, secret.trim(), nowMs));
    found.push(...secretShapes(name, secret).flatMap(([value, text]) => (fits(request, value) ? [text] : [])));
    found.push(...bodies(request).flatMap(([body, text]) => (fits({ ...request, body }) ? [text] : [])));
    found.push(...addresses(request).flatMap((url) => (fits({ ...request, url }) ? [addressText(url)] : [])));
    found.push(...otherPlaces(request, secret.trim()));
  }
  return [...new Set([...found, ...otherSecrets(given, provider)])];
}

function otherSecrets({ auth, request, nowMs, secret, otherNames }: NearMissCase, provider: Provider): string[] {
  const own = new Set(secretRefsOf(auth));
  return otherNames
    .filter((name) => !own.has(name))
    .filter((name) => {
      const value = secret(name)?.trim() ?? "";
      if (value === "" || (provider.checkSecret?.(value) ?? null) !== null) return false;
      return provider.verify(request, value, nowMs).ok;
    })
    .map((name) => `the signature fits the secret ${name}, which this webhook does not name: add it to secret_ref`);
}

/** Signatures whose time alone is wrong: found by moving the clock to each time that the headers hold. */
function clockMiss(provider: Provider, request: HookRequest, secret: string, nowMs: number): string[] {
  const texts = Object.values(request.headers).flatMap((value) => value.match(/\b\d{10}(?:\d{3})?\b/g) ?? []);
  const body = request.body.toString("latin1").match(/\b\d{13}\b/g) ?? [];
  for (const text of [...texts, ...body.slice(0, 8)]) {
    const signedMs = text.length === 10 ? Number(text) * 1_000 : Number(text);
    if (!provider.verify(request, secret, signedMs).ok) continue;
    const seconds = Math.round((nowMs - signedMs) / 1_000);
    const which = seconds > 0 ? `${seconds} s before` : `${-seconds} s after`;
    return [`the signature fits; it was made ${which} it came: a late delivery, or a clock that is wrong`];
  }
  return [];
}

function secretShapes(name: string, raw: string): [string, string][] {
  const secret = raw.trim();
  const shapes: [string, string][] = [
    [`${secret}\n`, "a line break at its end: it was read from a file with one on the sender's side"],
    [`"${secret}"`, "quotes around it: the sender was given them as part of the secret"],
    [`'${secret}'`, "quotes around it: the sender was given them as part of the secret"],
    [secret.replace(/^(["'])(.*)\1$/, "$2"), "the quotes taken off"],
    [secret.replace(/^whsec_/, ""), "whsec_ taken off its front"],
    [`whsec_${secret}`, "whsec_ in front of it"],
    [raw, "the blanks around it left on"],
  ];
  return shapes
    .filter(([value]) => value !== secret && value !== "")
    .map(([value, text]) => [value, `the signature fits ${name} with ${text}`]);
}

function bodies({ body }: HookRequest): [Buffer, string][] {
  const text = body.toString("utf8");
  const parsed = parse(text);
  const changed: [string, string][] = [
    [
      `${text}\n`,
      "with a line break at its end: something cut it off on the way, or curl -d was used instead of --data-binary",
    ],
    [text.replace(/[\r\n]+$/, ""), "without the line break at its end: the sender signed it without"],
    [text.replaceAll("\r\n", "\n"), "with plain line breaks: something changed them on the way"],
    [text.replaceAll(/\r?\n/g, "\r\n"), "with CRLF line breaks: something changed them on the way"],
    ["", "when it is empty: the sender signs no body, or sends it to another request"],
  ];
  if (parsed !== undefined) {
    const again = "written as JSON again: the sender signs another text than it sends, or a proxy rewrites bodies";
    changed.push(
      [JSON.stringify(parsed), again],
      [JSON.stringify(parsed, null, 2), again],
      [pythonJson(parsed), again],
    );
  }
  return changed
    .filter(([other]) => other !== text)
    .map(([other, why]) => [Buffer.from(other), `the signature fits the body ${why}`]);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** As Python's json.dumps separates. */
function pythonJson(value: unknown): string {
  return JSON.stringify(value, null, 1)
    .replaceAll(/\n */g, " ")
    .replaceAll(/([[{]) | ([\]}])/g, "$1$2");
}

/** The same place as others may call it. */
function addresses({ url }: HookRequest): string[] {
  const at = URL.parse(url);
  if (at === null) return [];
  const rest = at.pathname + at.search;
  const hosts = [at.host, at.hostname, `${at.hostname}:443`, `${at.hostname}:80`];
  const all = hosts.flatMap((host) =>
    ["http:", "https:"].flatMap((protocol) => [
      `${protocol}//${host}${rest}`,
      `${protocol}//${host}${at.pathname.replace(/\/?$/, "/")}${at.search}`,
    ]),
  );
  return all.filter((one) => one !== url);
}

function addressText(url: string): string {
  const { origin } = new URL(url);
  return `the signature fits the address below ${origin}: set public_url = "${origin}" in section [webhooks] of chiron.toml`;
}

const HASHES = ["sha256", "sha1", "sha512"] as const;
const ENCODINGS = ["hex", "base64", "base64url"] as const;

/** A plain keyed hash of the body that stands in some header, however it is written. */
function otherPlaces({ headers, body }: HookRequest, secret: string): string[] {
  const digests = HASHES.flatMap((algorithm) =>
    ENCODINGS.map((encoding) => ({
      algorithm,
      encoding,
      text: createHmac(algorithm, secret).update(body).digest(encoding),
    })),
  );
  return Object.entries(headers).flatMap(([name, value]) =>
    digests.flatMap(({ algorithm, encoding, text }) => {
      const given = value.slice(-text.length);
      if (!sameText(encoding === "hex" ? given.toLowerCase() : given, text)) return [];
      const prefix = value.slice(0, -text.length);
      const shape = `${algorithm} in ${encoding}${prefix === "" ? "" : ` behind "${prefix.slice(0, 20)}"`}`;
      return [`the header ${name} holds the body's hash as ${shape}, which is not what this webhook's auth declares`];
    }),
  );
}
