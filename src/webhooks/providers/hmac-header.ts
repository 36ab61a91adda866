// The commonest scheme: a keyed hash of something in one header, with a prefix. Most senders differ only in these fields.
import { type HookRequest, type Provider, refuse, VERIFIED, type Verdict } from "../provider.ts";
import { type Algorithm, decode, type Encoding, hmac, sameBytes } from "../signature.ts";

export interface HmacHeader {
  /** In any case. */
  readonly header: string;
  readonly prefix: string;
  readonly algorithm: Algorithm;
  readonly encoding: Encoding;
  /** What is signed; the raw body when absent. */
  readonly signed?: (request: HookRequest) => readonly (string | Buffer)[];
}

/** Verifies and signs by one header. */
export function hmacHeader(scheme: HmacHeader): Pick<Provider, "verify" | "sign" | "secretHeaders"> {
  const { prefix, algorithm, encoding, signed = (request) => [request.body] } = scheme;
  const header = scheme.header.toLowerCase();
  return {
    secretHeaders: [header],
    verify(request, secret): Verdict {
      const given = request.headers[header];
      if (!given) return refuse("missing", `the header ${scheme.header} is missing`);
      if (!given.startsWith(prefix)) return refuse("malformed", `${scheme.header} does not begin with "${prefix}"`);
      const bytes = decode(given.slice(prefix.length), encoding);
      if (bytes === null) return refuse("malformed", `${scheme.header} is not ${encoding}`);
      const wanted = hmac(algorithm, secret, ...signed(request));
      return sameBytes(bytes, wanted)
        ? VERIFIED
        : refuse("mismatch", `${scheme.header} does not fit the secret and the body`);
    },
    sign(request, secret) {
      const digest = hmac(algorithm, secret, ...signed(request)).toString(encoding);
      return { headers: { [header]: prefix + digest } };
    },
  };
}
