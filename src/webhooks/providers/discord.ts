// Discord interactions and events: Ed25519 over time + body. The secret is the application's public key (64 hex digits), which can only
// verify; a test that must sign too gives "ed25519-seed:" and 64 hex digits. https://docs.discord.com/developers/interactions/overview
import {
  createPrivateKey,
  createPublicKey,
  type KeyObject,
  sign as signBytes,
  verify as verifyBytes,
} from "node:crypto";
import { type Provider, refuse, VERIFIED } from "../provider.ts";
import { decode } from "../signature.ts";
import { checkSeconds, FIVE_MINUTES_MS, secondsOf } from "../signed-time.ts";
import { jsonObject } from "./json-object.ts";

const SEED = "ed25519-seed:";
const KEY = /^[0-9a-f]{64}$/i;
/** What stands before the 32 bytes of a key in DER (RFC 8410). */
const PRIVATE_HEAD = Buffer.from("302e020100300506032b657004220420", "hex");
const PUBLIC_HEAD = Buffer.from("302a300506032b6570032100", "hex");
const TIME = "x-signature-timestamp";
const SIGNATURE = "x-signature-ed25519";

function privateKeyOf(secret: string): KeyObject | null {
  const seed = secret.startsWith(SEED) ? secret.slice(SEED.length) : "";
  if (!KEY.test(seed)) return null;
  return createPrivateKey({
    key: Buffer.concat([PRIVATE_HEAD, Buffer.from(seed, "hex")]),
    format: "der",
    type: "pkcs8",
  });
}

function publicKeyOf(secret: string): KeyObject | null {
  const signing = privateKeyOf(secret);
  if (signing) return createPublicKey(signing);
  if (!KEY.test(secret)) return null;
  return createPublicKey({
    key: Buffer.concat([PUBLIC_HEAD, Buffer.from(secret, "hex")]),
    format: "der",
    type: "spki",
  });
}

export const discord: Provider = {
  name: "discord",
  title: "Discord",
  secretHeaders: [SIGNATURE],
  deliveryHeader: null,
  toleranceMs: FIVE_MINUTES_MS,
  checkSecret: (secret) => (publicKeyOf(secret) ? null : "is not a public key of 64 hex digits"),
  verify(request, secret, nowMs) {
    const { [TIME]: time, [SIGNATURE]: given } = request.headers;
    if (!time || !given)
      return refuse("missing", `the header ${time ? "X-Signature-Ed25519" : "X-Signature-Timestamp"} is missing`);
    const wrongTime = checkSeconds(time, nowMs, FIVE_MINUTES_MS);
    if (wrongTime) return wrongTime;
    const signature = decode(given, "hex");
    if (signature?.length !== 64) return refuse("malformed", "X-Signature-Ed25519 is not 128 hex digits");
    const key = publicKeyOf(secret);
    if (key === null) return refuse("mismatch", "the secret is not a public key");
    return verifyBytes(null, Buffer.concat([Buffer.from(time), request.body]), key, signature)
      ? VERIFIED
      : refuse("mismatch", "X-Signature-Ed25519 does not fit the key, the time and the body");
  },
  sign(request, secret, nowMs) {
    const time = secondsOf(nowMs);
    const key = privateKeyOf(secret);
    // Without the private half the delivery goes out unsigned, and the endpoint says so.
    if (key === null) return { headers: { [TIME]: time } };
    const signature = signBytes(null, Buffer.concat([Buffer.from(time), request.body]), key).toString("hex");
    return { headers: { [TIME]: time, [SIGNATURE]: signature } };
  },
  handshake(request) {
    if (jsonObject(request.body)?.["type"] !== 1) return null;
    return { name: "ping", status: 200, contentType: "application/json", body: '{"type":1}' };
  },
  samples: [
    {
      name: "application_command",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({
        type: 2,
        id: "846462639134605312",
        application_id: "775799577604522054",
        guild_id: "290926798626357999",
        channel_id: "645027906669510667",
        member: { user: { id: "53908232506183680", username: "mason" }, roles: [] },
        data: {
          type: 1,
          name: "cardsearch",
          id: "771825006014889984",
          options: [{ type: 3, name: "cardname", value: "The Gitrog Monster" }],
        },
        token: "interaction-token-of-a-sample",
        version: 1,
      }),
    },
    {
      name: "ping",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ id: "1", application_id: "775799577604522054", type: 1, version: 1 }),
    },
  ],
};
