// Twilio: a base64 SHA-1 over the address and, for a form, its fields in order; a JSON body is bound by its hash in the address.
// https://www.twilio.com/docs/usage/security#validating-requests
import { createHash } from "node:crypto";
import { type HookRequest, type Provider, refuse, VERIFIED } from "../provider.ts";
import { decode, hmac, sameBytes, sameText } from "../signature.ts";

const BODY_HASH = "bodySHA256";

function isForm(request: HookRequest): boolean {
  return (request.headers["content-type"] ?? "").toLowerCase().startsWith("application/x-www-form-urlencoded");
}

/** Every field's name and value behind the address, by name; a repeated value counts once. */
function signedText(request: HookRequest): string {
  if (!isForm(request)) return request.url;
  const fields = new Map<string, Set<string>>();
  for (const [name, value] of new URLSearchParams(request.body.toString("utf8"))) {
    fields.set(name, (fields.get(name) ?? new Set()).add(value));
  }
  const inOrder = [...fields].sort(([a], [b]) => (a < b ? -1 : 1));
  return (
    request.url +
    inOrder
      .map(([name, values]) =>
        [...values]
          .sort()
          .map((value) => name + value)
          .join(""),
      )
      .join("")
  );
}

function bodyHash(request: HookRequest): string {
  return createHash("sha256").update(request.body).digest("hex");
}

export const twilio: Provider = {
  name: "twilio",
  title: "Twilio",
  secretHeaders: ["x-twilio-signature"],
  deliveryHeader: "i-twilio-idempotency-token",
  toleranceMs: null,
  verify(request, secret) {
    const given = request.headers["x-twilio-signature"];
    if (!given) return refuse("missing", "the header X-Twilio-Signature is missing");
    const bytes = decode(given, "base64");
    if (bytes === null) return refuse("malformed", "X-Twilio-Signature is not base64");
    if (!isForm(request) && request.body.length > 0) {
      const bound = URL.parse(request.url)?.searchParams.get(BODY_HASH) ?? "";
      if (!sameText(bound.toLowerCase(), bodyHash(request)))
        return refuse("mismatch", `the address's ${BODY_HASH} is not the body's hash`);
    }
    return sameBytes(bytes, hmac("sha1", secret, signedText(request)))
      ? VERIFIED
      : refuse(
          "mismatch",
          `X-Twilio-Signature does not fit the secret, the fields and the address ${request.url.split("?")[0]}`,
        );
  },
  sign(request, secret) {
    let { url } = request;
    if (!isForm(request) && request.body.length > 0) {
      const bound = new URL(url);
      bound.searchParams.set(BODY_HASH, bodyHash(request));
      url = bound.href;
    }
    const digest = hmac("sha1", secret, signedText({ ...request, url })).toString("base64");
    return { headers: { "x-twilio-signature": digest }, ...(url === request.url ? {} : { url }) };
  },
  samples: [
    {
      name: "sms.received",
      headers: {
        "content-type": "application/x-www-form-urlencoded; charset=utf-8",
        "i-twilio-idempotency-token": "2f9dbd66-1c86-4a4e-9d3f-5a0d7e2c1b10",
      },
      body: "ToCountry=US&MessageSid=SM3c3f8b1c8f0a4d0f8f2a1b6c5d4e3f2a&NumMedia=0&From=%2B15005550006&To=%2B15005550001&Body=Is+my+order+on+its+way%3F&NumSegments=1&AccountSid=AC00000000000000000000000000000000&ApiVersion=2010-04-01",
    },
    {
      name: "call.status",
      headers: { "content-type": "application/x-www-form-urlencoded; charset=utf-8" },
      body: "CallSid=CA1234567890ABCDE1234567890ABCDE12&CallStatus=completed&CallDuration=42&From=%2B15005550006&To=%2B15005550001&Direction=inbound",
    },
  ],
};
