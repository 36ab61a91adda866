// Twitch EventSub: id + time + body. https://dev.twitch.tv/docs/eventsub/handling-webhook-events/
import { createHash } from "node:crypto";
import { type HookRequest, type Provider, refuse } from "../provider.ts";
import { checkTime } from "../signed-time.ts";
import { hmacHeader } from "./hmac-header.ts";
import { jsonObject } from "./json-object.ts";

/** What Twitch advises. */
const TEN_MINUTES_MS = 600_000;
const ID = "twitch-eventsub-message-id";
const TIME = "twitch-eventsub-message-timestamp";
const TYPE = "twitch-eventsub-message-type";
const RFC3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z$/;

const scheme = hmacHeader({
  header: "Twitch-Eventsub-Message-Signature",
  prefix: "sha256=",
  algorithm: "sha256",
  encoding: "hex",
  signed: (request) => [request.headers[ID] ?? "", request.headers[TIME] ?? "", request.body],
});

export const twitch: Provider = {
  name: "twitch",
  title: "Twitch",
  secretHeaders: scheme.secretHeaders,
  deliveryHeader: ID,
  toleranceMs: TEN_MINUTES_MS,
  verify(request, secret, nowMs) {
    const missing = [ID, TIME].find((name) => !request.headers[name]);
    if (missing) return refuse("missing", `the header ${missing} is missing`);
    const time = request.headers[TIME]!;
    const at = RFC3339.test(time) ? Date.parse(time) : Number.NaN;
    if (Number.isNaN(at)) return refuse("malformed", `${TIME} is not an RFC 3339 time in UTC`);
    return checkTime(at, nowMs, TEN_MINUTES_MS) ?? scheme.verify(request, secret, nowMs);
  },
  sign(request, secret, nowMs) {
    const id = request.headers[ID] ?? createHash("sha256").update(request.body).digest("hex").slice(0, 32);
    const stamped = { [ID]: id, [TIME]: new Date(nowMs).toISOString() };
    const timed: HookRequest = { ...request, headers: { ...request.headers, ...stamped } };
    return { headers: { ...stamped, ...scheme.sign(timed, secret, nowMs).headers } };
  },
  handshake(request) {
    const body = jsonObject(request.body);
    if (request.headers[TYPE] !== "webhook_callback_verification" || typeof body?.["challenge"] !== "string")
      return null;
    return { name: "webhook_callback_verification", status: 200, contentType: "text/plain", body: body["challenge"] };
  },
  samples: [
    {
      name: "channel.follow",
      headers: {
        "content-type": "application/json",
        [ID]: "e76c6bd4-55c9-4987-8304-da1588d8988b",
        [TYPE]: "notification",
        "twitch-eventsub-subscription-type": "channel.follow",
        "twitch-eventsub-subscription-version": "2",
      },
      body: JSON.stringify({
        subscription: {
          id: "f1c2a387-161a-49f9-a165-0f21d7a4e1c4",
          type: "channel.follow",
          version: "2",
          status: "enabled",
          condition: { broadcaster_user_id: "12826" },
        },
        event: {
          user_id: "1337",
          user_login: "awesome_user",
          broadcaster_user_id: "12826",
          followed_at: "2026-07-15T18:16:11.17106713Z",
        },
      }),
    },
    {
      name: "webhook_callback_verification",
      headers: {
        "content-type": "application/json",
        [ID]: "b3b2a6a0-3a1f-4f7f-93a0-0b9c5d8b4d5a",
        [TYPE]: "webhook_callback_verification",
      },
      body: JSON.stringify({
        challenge: "pogchamp-kappa-360noscope-vohiyo",
        subscription: {
          id: "f1c2a387-161a-49f9-a165-0f21d7a4e1c4",
          status: "webhook_callback_verification_pending",
          type: "channel.follow",
        },
      }),
    },
  ],
};
