// The schemes of no sender in particular: a hash in a header of choice, a token, a name with a password, a token in the address.
import { type Provider, refuse, VERIFIED } from "../provider.ts";
import { decode, sameText } from "../signature.ts";
import { hmacHeader } from "./hmac-header.ts";

const SAMPLES: Provider["samples"] = [
  {
    name: "json",
    headers: { "content-type": "application/json" },
    body: '{"event":"sample","id":"evt_1","data":{"hello":"world"}}',
  },
];

export interface GenericHmac {
  readonly header: string;
  readonly prefix: string;
  readonly algorithm: "sha1" | "sha256";
  readonly encoding: "hex" | "base64";
}

/** `hmac`: the raw body's hash in one header. */
export function genericHmac(scheme: GenericHmac): Provider {
  return {
    name: "hmac",
    title: "HMAC in a header",
    ...hmacHeader(scheme),
    deliveryHeader: null,
    toleranceMs: null,
    samples: SAMPLES,
  };
}

/** `bearer`: the secret itself in a header, behind an optional word. */
export function bearer(headerName: string, scheme: string): Provider {
  const header = headerName.toLowerCase();
  const word = scheme === "" ? "" : `${scheme} `;
  return {
    name: "bearer",
    title: "Bearer token",
    secretHeaders: [header],
    deliveryHeader: null,
    toleranceMs: null,
    verify(request, secret) {
      const given = request.headers[header];
      if (!given) return refuse("missing", `the header ${headerName} is missing`);
      const token = given.toLowerCase().startsWith(word.toLowerCase()) ? given.slice(word.length) : given;
      return sameText(token.trim(), secret) ? VERIFIED : refuse("mismatch", `${headerName} does not hold the secret`);
    },
    sign: (_request, secret) => ({ headers: { [header]: word + secret } }),
    samples: SAMPLES,
  };
}

/** `basic`: the secret is `user:password` (RFC 7617). */
export const basic: Provider = {
  name: "basic",
  title: "Basic authentication",
  secretHeaders: ["authorization"],
  deliveryHeader: null,
  toleranceMs: null,
  checkSecret: (secret) => (secret.includes(":") ? null : "is not user:password"),
  verify(request, secret) {
    const given = request.headers["authorization"];
    if (!given) return refuse("missing", "the header Authorization is missing");
    const match = /^basic +(\S+)$/i.exec(given);
    const bytes = match ? decode(match[1]!, "base64") : null;
    if (bytes === null) return refuse("malformed", "Authorization is not Basic and base64");
    return sameText(bytes.toString("utf8"), secret)
      ? VERIFIED
      : refuse("mismatch", "Authorization does not hold the user and password");
  },
  sign: (_request, secret) => ({ headers: { authorization: `Basic ${Buffer.from(secret).toString("base64")}` } }),
  samples: SAMPLES,
};

/** `query`: the secret in the address, for senders that can do nothing else. */
export function queryToken(parameter: string): Provider {
  return {
    name: "query",
    title: "Token in the address",
    secretHeaders: [],
    deliveryHeader: null,
    toleranceMs: null,
    verify(request, secret) {
      const given = URL.parse(request.url)?.searchParams.getAll(parameter) ?? [];
      if (given.length === 0) return refuse("missing", `the query parameter ${parameter} is missing`);
      if (given.length > 1) return refuse("malformed", `the query parameter ${parameter} stands more than once`);
      return sameText(given[0]!, secret)
        ? VERIFIED
        : refuse("mismatch", `the query parameter ${parameter} is not the secret`);
    },
    sign(request, secret) {
      const url = new URL(request.url);
      url.searchParams.set(parameter, secret);
      return { headers: {}, url: url.href };
    },
    samples: SAMPLES,
  };
}
