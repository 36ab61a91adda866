// Slack events, interactions and slash commands: v0:time:body under the signing secret. https://docs.slack.dev/authentication/verifying-requests-from-slack
import { type HookRequest, type Provider, refuse } from "../provider.ts";
import { checkSeconds, FIVE_MINUTES_MS, secondsOf } from "../signed-time.ts";
import { hmacHeader } from "./hmac-header.ts";
import { jsonObject } from "./json-object.ts";

const TIME = "x-slack-request-timestamp";
const scheme = hmacHeader({
  header: "X-Slack-Signature",
  prefix: "v0=",
  algorithm: "sha256",
  encoding: "hex",
  signed: (request) => [`v0:${request.headers[TIME] ?? ""}:`, request.body],
});

export const slack: Provider = {
  name: "slack",
  title: "Slack",
  secretHeaders: scheme.secretHeaders,
  deliveryHeader: null,
  toleranceMs: FIVE_MINUTES_MS,
  verify(request, secret, nowMs) {
    const time = request.headers[TIME];
    if (!time) return refuse("missing", "the header X-Slack-Request-Timestamp is missing");
    return checkSeconds(time, nowMs, FIVE_MINUTES_MS) ?? scheme.verify(request, secret, nowMs);
  },
  sign(request, secret, nowMs) {
    const time = secondsOf(nowMs);
    const timed: HookRequest = { ...request, headers: { ...request.headers, [TIME]: time } };
    return { headers: { [TIME]: time, ...scheme.sign(timed, secret, nowMs).headers } };
  },
  handshake(request) {
    const body = jsonObject(request.body);
    if (body?.["type"] !== "url_verification" || typeof body["challenge"] !== "string") return null;
    return { name: "url_verification", status: 200, contentType: "text/plain; charset=utf-8", body: body["challenge"] };
  },
  samples: [
    {
      name: "event.app_mention",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({
        token: "unused-since-requests-are-signed",
        team_id: "T061EG9R6",
        api_app_id: "A0MDYCDME",
        event: {
          type: "app_mention",
          user: "U061F7AUR",
          text: "<@U0LAN0Z89> is it everything a river should be?",
          ts: "1515449522.000016",
          channel: "C123ABC456",
          event_ts: "1515449522000016",
        },
        type: "event_callback",
        event_id: "Ev0MDYGDKJ",
        event_time: 1_515_449_522_000,
      }),
    },
    {
      name: "url_verification",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({
        token: "unused-since-requests-are-signed",
        challenge: "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P",
        type: "url_verification",
      }),
    },
    {
      name: "slash_command",
      headers: { "content-type": "application/x-www-form-urlencoded" },
      body: "team_id=T0001&team_domain=example&channel_id=C2147483705&channel_name=test&user_id=U2147483697&user_name=Steve&command=%2Fweather&text=94070&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2F1234%2F5678&trigger_id=13345224609.738474920.8088930838d88f008e0",
    },
  ],
};
