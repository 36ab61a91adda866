// Zoom: v0:time:body under the secret token; a new endpoint proves that it has the token.
// https://developers.zoom.us/docs/api/webhooks/#validate-your-webhook-endpoint
import { type HookRequest, type Provider, refuse } from "../provider.ts";
import { hmac } from "../signature.ts";
import { checkSeconds, FIVE_MINUTES_MS, secondsOf } from "../signed-time.ts";
import { hmacHeader } from "./hmac-header.ts";
import { jsonObject } from "./json-object.ts";

const TIME = "x-zm-request-timestamp";
const scheme = hmacHeader({
  header: "X-Zm-Signature",
  prefix: "v0=",
  algorithm: "sha256",
  encoding: "hex",
  signed: (request) => [`v0:${request.headers[TIME] ?? ""}:`, request.body],
});

export const zoom: Provider = {
  name: "zoom",
  title: "Zoom",
  secretHeaders: scheme.secretHeaders,
  deliveryHeader: "x-zm-trackingid",
  toleranceMs: FIVE_MINUTES_MS,
  verify(request, secret, nowMs) {
    const time = request.headers[TIME];
    if (!time) return refuse("missing", "the header x-zm-request-timestamp is missing");
    return checkSeconds(time, nowMs, FIVE_MINUTES_MS) ?? scheme.verify(request, secret, nowMs);
  },
  sign(request, secret, nowMs) {
    const time = secondsOf(nowMs);
    const timed: HookRequest = { ...request, headers: { ...request.headers, [TIME]: time } };
    return { headers: { [TIME]: time, ...scheme.sign(timed, secret, nowMs).headers } };
  },
  handshake(request, secret) {
    const body = jsonObject(request.body);
    const payload = body?.["payload"] as { readonly plainToken?: unknown } | null | undefined;
    if (body?.["event"] !== "endpoint.url_validation" || typeof payload?.plainToken !== "string") return null;
    const { plainToken } = payload;
    const encryptedToken = hmac("sha256", secret, plainToken).toString("hex");
    return {
      name: "endpoint.url_validation",
      status: 200,
      contentType: "application/json",
      body: JSON.stringify({ plainToken, encryptedToken }),
    };
  },
  samples: [
    {
      name: "meeting.ended",
      headers: {
        "content-type": "application/json; charset=utf-8",
        "x-zm-trackingid": "v=2.0;clid=us06;rid=WEB_8b6c",
        clientid: "o9MxQmB4Q7aE1",
      },
      body: JSON.stringify({
        event: "meeting.ended",
        event_ts: 1_626_230_691_572,
        payload: {
          account_id: "AAAAAABBBB",
          object: {
            id: "1234567890",
            uuid: "4444AAAiAAAAAiAiAiiAii==",
            host_id: "x1yCzABCDEfg23HiJKl4mN",
            topic: "My Meeting",
            duration: 60,
          },
        },
      }),
    },
    {
      name: "endpoint.url_validation",
      headers: { "content-type": "application/json; charset=utf-8" },
      body: JSON.stringify({
        event: "endpoint.url_validation",
        event_ts: 1_654_503_849_680,
        payload: { plainToken: "qgg8vlvZRS6UYooatFL8Aw" },
      }),
    },
  ],
};
