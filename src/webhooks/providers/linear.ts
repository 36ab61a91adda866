// Linear: a hash of the body in Linear-Signature, and the time inside the body. https://linear.app/developers/webhooks
import { type Provider, refuse } from "../provider.ts";
import { checkTime } from "../signed-time.ts";
import { hmacHeader } from "./hmac-header.ts";
import { jsonObject } from "./json-object.ts";

/** What Linear advises. */
const ONE_MINUTE_MS = 60_000;
const scheme = hmacHeader({ header: "Linear-Signature", prefix: "", algorithm: "sha256", encoding: "hex" });

export const linear: Provider = {
  name: "linear",
  title: "Linear",
  ...scheme,
  deliveryHeader: "linear-delivery",
  toleranceMs: ONE_MINUTE_MS,
  verify(request, secret, nowMs) {
    const verdict = scheme.verify(request, secret, nowMs);
    if (!verdict.ok) return verdict;
    const at = jsonObject(request.body)?.["webhookTimestamp"];
    if (!Number.isSafeInteger(at)) return refuse("malformed", "the body has no webhookTimestamp");
    return checkTime(at as number, nowMs, ONE_MINUTE_MS) ?? verdict;
  },
  sign(request, secret, nowMs) {
    const text = request.body.toString("utf8").replace(/("webhookTimestamp"\s*:\s*)\d+/, `$1${nowMs}`);
    const body = Buffer.from(text);
    return { ...scheme.sign({ ...request, body }, secret, nowMs), body };
  },
  samples: [
    {
      name: "issue.create",
      headers: {
        "content-type": "application/json; charset=utf-8",
        "linear-event": "Issue",
        "linear-delivery": "234d1a4e-b617-4388-90fe-adc3633d6b72",
        "user-agent": "Linear-Webhook",
      },
      body: JSON.stringify({
        action: "create",
        type: "Issue",
        createdAt: "2026-01-23T12:53:18.084Z",
        organizationId: "7a1c5a0e-3f43-4a62-8a3a-7c7f41a6f2a5",
        data: {
          id: "2174add1-f7c8-44e3-bbf3-2d60b5ea8bc9",
          identifier: "ENG-17",
          title: "Login fails after a password change",
          priority: 2,
          state: { name: "Todo" },
        },
        url: "https://linear.app/example/issue/ENG-17",
        // Milliseconds; signing a sample again sets it to the time of signing.
        webhookTimestamp: 1_769_172_798_084,
        webhookId: "000042e3-d123-4980-b49f-8e140eef9329",
      }),
    },
  ],
};
