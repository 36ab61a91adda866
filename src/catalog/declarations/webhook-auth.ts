// The `auth` of a webhook in every accepted spelling, as one normal form (reference behaviour, section 6.3). What cannot be read is an
// error: a webhook that meant to be guarded is never served open. Values are not shown in messages, because someone may have put the secret there.
import type { WebhookAuth } from "../../webhooks/auth.ts";
import { isProviderName, PROVIDER_NAMES } from "../../webhooks/providers.ts";
import { error, type Fields, type Flaw, isFields } from "./problem.ts";

type Read<T> = { readonly value: T } | { readonly flaw: Flaw };

const ALIASES: Readonly<Record<string, string>> = { github_hmac: "github", basic_auth: "basic", query_token: "query" };
const TYPES = ["none", "hmac", "github_hmac", "bearer", "basic", "query", ...PROVIDER_NAMES];
const EXAMPLE = '"auth": {"type": "github_hmac", "secret_ref": "GITHUB_WEBHOOK_SECRET"}';
/** Secrets of one webhook at a time; more than two is more than an exchange needs. */
const MAX_SECRETS = 4;
const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]*$/;
const HEADER = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$/;

export function readAuth(value: unknown): Read<WebhookAuth> {
  if (value === undefined || value === null) return { value: { type: "none" } };
  if (typeof value === "string") return readTyped(value, {});
  if (!isFields(value)) return { flaw: error("auth is neither a dict nor a name", `Write: ${EXAMPLE}`) };
  const type = value["type"] ?? impliedType(value);
  if (typeof type !== "string") {
    return { flaw: error("auth names a secret but no type", `Add the type: ${EXAMPLE}`) };
  }
  return readTyped(type, value);
}

/** Objects of the first version carry no type; their fields tell. Without any field there is nothing to guard. */
function impliedType(fields: Fields): string | null {
  if (["signature_header", "signature_prefix", "algorithm", "encoding"].some((name) => name in fields)) return "hmac";
  if ("parameter" in fields) return "query";
  if ("scheme" in fields || "header" in fields) return "bearer";
  return Object.keys(fields).length === 0 || fields["type"] === null ? noneUnlessSecret(fields) : null;
}

function noneUnlessSecret(fields: Fields): string | null {
  return "secret_ref" in fields ? null : "none";
}

function readTyped(name: string, fields: Fields): Read<WebhookAuth> {
  const lower = name.trim().toLowerCase();
  const type = ALIASES[lower] ?? lower;
  if (type === "none") {
    if (!("secret_ref" in fields)) return { value: { type: "none" } };
    return {
      flaw: error('auth has the type "none" and a secret_ref', 'Remove the secret_ref, or name a type: "hmac".'),
    };
  }
  const known = type === "hmac" || type === "bearer" || type === "basic" || type === "query" || isProviderName(type);
  if (!known) {
    return { flaw: error(`unknown auth type; known are ${TYPES.join(", ")}`, `Write: ${EXAMPLE}`) };
  }
  const secrets = readSecrets(fields["secret_ref"], type);
  if ("flaw" in secrets) return secrets;
  const secret_ref = secrets.value;
  if (type === "hmac") return readHmac(fields, secret_ref);
  if (type === "bearer") return readBearer(fields, secret_ref);
  if (type === "query") return readQuery(fields, secret_ref);
  return { value: { type, secret_ref } };
}

type SecretRef = string | readonly string[];

/** One name, or several while a secret is exchanged. */
function readSecrets(value: unknown, type: string): Read<SecretRef> {
  const names: readonly unknown[] = Array.isArray(value) ? value : [value];
  if (names.length === 0 || !names.every((name): name is string => typeof name === "string" && name.trim() !== "")) {
    return { flaw: error(`auth of type ${type} has no secret_ref`, `Name the environment variable: ${EXAMPLE}`) };
  }
  if (names.length > MAX_SECRETS) {
    return { flaw: error(`secret_ref names more than ${MAX_SECRETS} variables`, "Name the new one and the old one.") };
  }
  const trimmed = names.map((name) => name.trim());
  if (!trimmed.every((name) => VARIABLE.test(name))) {
    const message = "secret_ref is not the name of an environment variable";
    return { flaw: error(message, `Put the secret in the environment and its name here: ${EXAMPLE}`) };
  }
  return { value: trimmed.length === 1 ? trimmed[0]! : trimmed };
}

function readQuery(fields: Fields, secret_ref: SecretRef): Read<WebhookAuth> {
  const parameter = textOr(fields["parameter"], "token");
  if (parameter !== null && /^[A-Za-z0-9._~-]{1,64}$/.test(parameter)) {
    return { value: { type: "query", secret_ref, parameter } };
  }
  return { flaw: error("parameter is not a name for the address", 'Write: "parameter": "token"') };
}

function readHmac(fields: Fields, secret_ref: SecretRef): Read<WebhookAuth> {
  const header = textOr(fields["signature_header"], "X-Webhook-Signature");
  const prefix = textOr(fields["signature_prefix"], "sha256=");
  const algorithm = textOr(fields["algorithm"], "sha256")?.toLowerCase();
  const encoding = textOr(fields["encoding"], "hex")?.toLowerCase();
  if (header === null || !HEADER.test(header)) {
    return { flaw: error("signature_header is not a header name", 'Write: "signature_header": "X-Webhook-Signature"') };
  }
  if (prefix === null) {
    return { flaw: error("signature_prefix is not a string", 'Write: "signature_prefix": "sha256=", or "" for none') };
  }
  if (algorithm !== "sha256" && algorithm !== "sha1") {
    return { flaw: error("algorithm is neither sha256 nor sha1", 'Write: "algorithm": "sha256", or leave it out') };
  }
  if (encoding !== "hex" && encoding !== "base64") {
    return { flaw: error("encoding is neither hex nor base64", 'Write: "encoding": "hex"') };
  }
  return {
    value: { type: "hmac", secret_ref, signature_header: header, algorithm, signature_prefix: prefix, encoding },
  };
}

function readBearer(fields: Fields, secret_ref: SecretRef): Read<WebhookAuth> {
  const header = textOr(fields["header"], "Authorization");
  const scheme = textOr(fields["scheme"], "Bearer");
  if (header === null || !HEADER.test(header)) {
    return { flaw: error("header of a bearer auth is not a header name", 'Write: "header": "Authorization"') };
  }
  if (scheme === null) return { flaw: error("scheme is not a string", 'Write: "scheme": "Bearer"') };
  return { value: { type: "bearer", secret_ref, header, scheme } };
}

function textOr(value: unknown, fallback: string): string | null {
  if (value === undefined || value === null) return fallback;
  return typeof value === "string" ? value.trim() : null;
}
