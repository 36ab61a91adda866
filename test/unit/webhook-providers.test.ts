// Every sender verifies what it signs and nothing else: each sample, and bodies of any bytes, with any one byte changed.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { basic, bearer, genericHmac, queryToken } from "../../src/webhooks/providers/generic.ts";
import { type HookRequest, type Provider, type Verdict } from "../../src/webhooks/provider.ts";
import { PROVIDER_NAMES, providerNamed } from "../../src/webhooks/providers.ts";

const NOW = Date.UTC(2026, 10, 22, 12, 0, 0, 417);
const KEY = `whsec_${Buffer.from("a key of thirty-two bytes, or so").toString("base64")}`;
const OTHER_KEY = `whsec_${Buffer.from("another key of thirty-two bytes.").toString("base64")}`;
const SEED = `ed25519-seed:${"4f".repeat(32)}`;

const PROVIDERS: readonly Provider[] = [
  ...PROVIDER_NAMES.map(providerNamed),
  genericHmac({ header: "X-Sig", prefix: "sha256=", algorithm: "sha256", encoding: "hex" }),
  genericHmac({ header: "X-Sig", prefix: "", algorithm: "sha1", encoding: "base64" }),
  bearer("Authorization", "Bearer"),
  bearer("X-Token", ""),
  basic,
  queryToken("token"),
];
const TOKENS: ReadonlySet<string> = new Set(["bearer", "basic", "query"]);

const secretOf = (provider: Provider): string => {
  if (provider.name === "discord") return SEED;
  return provider.name === "standard_webhooks" || provider.name === "svix" ? KEY : "user:a secret that is long enough";
};
const otherSecretOf = (provider: Provider): string => {
  if (provider.name === "discord") return "ab".repeat(32);
  return provider.name === "standard_webhooks" || provider.name === "svix"
    ? OTHER_KEY
    : "user:another secret of some length";
};

function signed(provider: Provider, body: Buffer, headers: Readonly<Record<string, string>>, at = NOW): HookRequest {
  const request: HookRequest = { method: "POST", url: "https://hooks.example.com/api/webhooks/a?x=1", headers, body };
  const added = provider.sign(request, secretOf(provider), at);
  return {
    ...request,
    url: added.url ?? request.url,
    body: added.body ?? request.body,
    headers: { ...headers, ...added.headers },
  };
}

const verdictOf = (provider: Provider, request: HookRequest, now = NOW): Verdict =>
  provider.verify(request, secretOf(provider), now);

/** Another byte that is not the same letter in the other case: hexadecimal digits and scheme words are read in either. */
function changed(byte: number, by: number): number {
  const other = (byte + 1 + (by % 255)) % 256;
  return String.fromCharCode(other).toLowerCase() === String.fromCharCode(byte).toLowerCase() ? byte ^ 1 : other;
}

/** A form in which the changed byte is only another spelling of the same fields is the same form. */
function sameForm(provider: Provider, a: Buffer, b: Buffer): boolean {
  const read = (body: Buffer) =>
    JSON.stringify([...new URLSearchParams(body.toString("utf8"))].map(String).sort((a, b) => (a < b ? -1 : 1)));
  return provider.name === "twilio" && read(a) === read(b);
}

describe.each(PROVIDERS.map((provider) => [provider.title, provider] as const))("%s", (_title, provider) => {
  const samples = provider.samples.map((sample) => [sample.name, sample] as const);

  test.each(samples)("verifies what it signs: %s", (_name, { headers, body }) => {
    const request = signed(provider, Buffer.from(body), headers);
    expect(verdictOf(provider, request)).toEqual({ ok: true });
    expect(provider.verify(request, otherSecretOf(provider), NOW)).toMatchObject({ ok: false, refusal: "mismatch" });
  });

  test("says what is missing when nothing is signed", () => {
    const [sample] = provider.samples;
    const request = { method: "POST", url: "https://h/", headers: sample!.headers, body: Buffer.from(sample!.body) };
    expect(verdictOf(provider, request)).toMatchObject({ ok: false, refusal: "missing" });
  });

  test("a byte changed in a signed body never verifies", () => {
    if (TOKENS.has(provider.name) || provider.name === "gitlab") return;
    const [{ headers }] = provider.samples as [Provider["samples"][0]];
    const bodies = fc.oneof(
      fc.uint8Array({ minLength: 1, maxLength: 64 }).map((bytes) => Buffer.from(bytes)),
      fc.constantFrom(...provider.samples.map(({ body }) => Buffer.from(body))),
    );
    fc.assert(
      fc.property(bodies, fc.nat(), fc.nat(), (body, at, by) => {
        const request = signed(provider, body, headers);
        const tampered = Buffer.from(request.body);
        const place = at % tampered.length;
        tampered[place] = (tampered[place]! + 1 + (by % 255)) % 256;
        fc.pre(!sameForm(provider, tampered, request.body));
        expect(verdictOf(provider, { ...request, body: tampered }).ok).toBe(false);
      }),
      { numRuns: 300 },
    );
  });

  test("a character changed in what the signature adds never verifies", () => {
    const [sample] = provider.samples as [Provider["samples"][0]];
    const plain = { ...sample.headers };
    const request = signed(provider, Buffer.from(sample.body), plain);
    const added = Object.keys(request.headers).filter((name) => request.headers[name] !== plain[name]);
    fc.assert(
      fc.property(fc.nat(), fc.nat(), fc.nat(), (which, at, by) => {
        if (added.length === 0) {
          const url = request.url.replace(/token=(.)/, (_all, first: string) => `token=${first === "x" ? "y" : "x"}`);
          expect(verdictOf(provider, { ...request, url }).ok).toBe(false);
          return;
        }
        const name = added[which % added.length]!;
        const bytes = Buffer.from(request.headers[name]!, "latin1");
        const place = at % bytes.length;
        bytes[place] = changed(bytes[place]!, by);
        const headers = { ...request.headers, [name]: bytes.toString("latin1") };
        expect(verdictOf(provider, { ...request, headers }).ok, headers[name]).toBe(false);
      }),
      { numRuns: 300 },
    );
  });

  test("a signed time counts within its tolerance, both ways, and not beyond", () => {
    if (provider.toleranceMs === null || provider.name === "gitlab") return;
    const [sample] = provider.samples as [Provider["samples"][0]];
    const request = signed(provider, Buffer.from(sample.body), sample.headers);
    const at = Math.floor(NOW / 1_000) * 1_000;
    const tolerance = provider.toleranceMs;
    expect(verdictOf(provider, request, at + tolerance)).toEqual({ ok: true });
    expect(verdictOf(provider, request, at - tolerance + 1_000)).toEqual({ ok: true });
    expect(verdictOf(provider, request, at + tolerance + 2_000)).toMatchObject({ ok: false, refusal: "expired" });
    expect(verdictOf(provider, request, at - tolerance - 1_000)).toMatchObject({ ok: false, refusal: "future" });
  });

  test("a delivery that is signed again keeps its id", () => {
    if (provider.deliveryHeader === null) return;
    const [sample] = provider.samples as [Provider["samples"][0]];
    const first = signed(provider, Buffer.from(sample.body), sample.headers);
    const again = signed(provider, Buffer.from(sample.body), sample.headers, NOW + 86_400_000);
    expect(again.headers[provider.deliveryHeader]).toBe(first.headers[provider.deliveryHeader]);
  });
});

describe("known signatures", () => {
  const request = (headers: Readonly<Record<string, string>>, body: string, url = "https://h/"): HookRequest => ({
    method: "POST",
    url,
    headers,
    body: Buffer.from(body),
  });

  test("GitHub's documented example verifies", () => {
    const headers = {
      "x-hub-signature-256": "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
    };
    const verdict = providerNamed("github").verify(
      request(headers, "Hello, World!"),
      "It's a Secret to Everybody",
      NOW,
    );
    expect(verdict).toEqual({ ok: true });
  });

  test("the Standard Webhooks specification's example verifies", () => {
    const headers = {
      "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
      "webhook-timestamp": "1614265330",
      "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    };
    const body = '{"test": 2432232314}';
    const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    expect(providerNamed("standard_webhooks").verify(request(headers, body), secret, 1_614_265_330_000)).toEqual({
      ok: true,
    });
    expect(providerNamed("standard_webhooks").verify(request(headers, body), secret, 1_614_265_631_000)).toMatchObject({
      ok: false,
    });
  });

  test("Slack's documented example verifies", () => {
    const headers = {
      "x-slack-request-timestamp": "1531420618",
      "x-slack-signature": "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
    };
    const body =
      "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
    const secret = "8f742231b10e8888abcd99yyyzzz85a5";
    expect(providerNamed("slack").verify(request(headers, body), secret, 1_531_420_618_000)).toEqual({ ok: true });
  });

  test("Twilio's documented example verifies", () => {
    const headers = {
      "content-type": "application/x-www-form-urlencoded",
      "x-twilio-signature": "RSOYDt4T1cUTdK1PDd93/VVr8B8=",
    };
    const body = "CallSid=CA1234567890ABCDE&Caller=%2B14158675309&Digits=1234&From=%2B14158675309&To=%2B18005551212";
    const url = "https://mycompany.com/myapp.php?foo=1&bar=2";
    expect(providerNamed("twilio").verify(request(headers, body, url), "12345", NOW)).toEqual({ ok: true });
  });

  test("two times in one Stripe signature leave open which is signed, and are refused", () => {
    const provider = providerNamed("stripe");
    const good = signed(provider, Buffer.from("{}"), {});
    const doubled = { ...good.headers, "stripe-signature": `t=1,${good.headers["stripe-signature"]}` };
    expect(verdictOf(provider, { ...good, headers: doubled })).toMatchObject({ ok: false, refusal: "malformed" });
  });

  test.each([
    "1e9",
    " 1614265330",
    "+1614265330",
    "0x6037b2b2",
    "1614265330.0",
    "",
    "01614265330",
    "１６１４２６５３３０",
  ])("a time written %j is not a time", (time) => {
    const headers = { "x-slack-request-timestamp": time, "x-slack-signature": `v0=${"0".repeat(64)}` };
    expect(providerNamed("slack").verify(request(headers, "{}"), "s", 1_614_265_330_000).ok).toBe(false);
  });

  test.each([
    ["slack", "url_verification", "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P"],
    ["discord", "ping", '{"type":1}'],
    ["twitch", "webhook_callback_verification", "pogchamp-kappa-360noscope-vohiyo"],
  ] as const)("%s says hello with %s and hears what it wants", (name, sampleName, answer) => {
    const provider = providerNamed(name);
    const sample = provider.samples.find((one) => one.name === sampleName)!;
    const hello = signed(provider, Buffer.from(sample.body), sample.headers);
    expect(provider.handshake!(hello, secretOf(provider))).toMatchObject({ status: 200, body: answer });
    const [other] = provider.samples.filter((one) => one.name !== sampleName);
    const delivery = signed(provider, Buffer.from(other!.body), other!.headers);
    expect(provider.handshake!(delivery, secretOf(provider))).toBeNull();
  });

  test("Zoom's new endpoint proves that it has the token", () => {
    const zoom = providerNamed("zoom");
    const sample = zoom.samples.find((one) => one.name === "endpoint.url_validation")!;
    const answer = zoom.handshake!(signed(zoom, Buffer.from(sample.body), sample.headers), "a token");
    const { plainToken, encryptedToken } = JSON.parse(answer!.body) as Record<string, string>;
    expect(plainToken).toBe("qgg8vlvZRS6UYooatFL8Aw");
    expect(encryptedToken).toMatch(/^[0-9a-f]{64}$/);
  });
});
