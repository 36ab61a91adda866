// PagerDuty v3: v1=…, several beside each other while a secret is exchanged. https://developer.pagerduty.com/docs/verifying-webhook-signatures
import { type Provider, refuse, VERIFIED } from "../provider.ts";
import { decode, hmac, sameBytes } from "../signature.ts";

const MAX_SIGNATURES = 16;

export const pagerduty: Provider = {
  name: "pagerduty",
  title: "PagerDuty",
  secretHeaders: ["x-pagerduty-signature"],
  deliveryHeader: "x-webhook-id",
  toleranceMs: null,
  verify(request, secret) {
    const header = request.headers["x-pagerduty-signature"];
    if (!header) return refuse("missing", "the header X-PagerDuty-Signature is missing");
    const given = header
      .split(",")
      .slice(0, MAX_SIGNATURES)
      .map((one) => one.trim())
      .filter((one) => one.startsWith("v1="));
    if (given.length === 0) return refuse("malformed", "X-PagerDuty-Signature holds no v1 signature");
    const wanted = hmac("sha256", secret, request.body);
    const fits = given
      .map((one) => decode(one.slice(3), "hex"))
      .some((bytes) => bytes !== null && sameBytes(bytes, wanted));
    return fits ? VERIFIED : refuse("mismatch", "no signature of X-PagerDuty-Signature fits the secret and the body");
  },
  sign: (request, secret) => ({
    headers: { "x-pagerduty-signature": `v1=${hmac("sha256", secret, request.body).toString("hex")}` },
  }),
  samples: [
    {
      name: "incident.triggered",
      headers: {
        "content-type": "application/json",
        "user-agent": "PagerDuty-Webhook/V3.0",
        "x-webhook-subscription": "PFXTGAI",
      },
      body: JSON.stringify({
        event: {
          id: "01DEN1HNLBC1VITK192ETJ2MPJ",
          event_type: "incident.triggered",
          resource_type: "incident",
          occurred_at: "2026-10-02T18:45:22.169Z",
          data: {
            id: "PGR0VU2",
            type: "incident",
            number: 2,
            status: "triggered",
            title: "A little bump in the road",
            urgency: "high",
            service: { id: "PF9KMXH", summary: "API Service" },
          },
        },
      }),
    },
  ],
};
