// Stripe: t=…,v1=… over "time.body". https://docs.stripe.com/webhooks#verify-manually
import { type Provider, refuse, VERIFIED } from "../provider.ts";
import { decode, hmac, sameBytes } from "../signature.ts";
import { checkSeconds, FIVE_MINUTES_MS, secondsOf } from "../signed-time.ts";

const MAX_PARTS = 32;

function parse(header: string): { readonly time: string | null; readonly signatures: readonly string[] } {
  const parts = header
    .split(",")
    .slice(0, MAX_PARTS)
    .map((part) => part.trim().split("=", 2));
  const times = parts.filter(([name]) => name === "t").map(([, value]) => value ?? "");
  const signatures = parts.filter(([name]) => name === "v1").map(([, value]) => value ?? "");
  // Two times would leave open which one is signed.
  return { time: times.length === 1 ? times[0]! : null, signatures };
}

export const stripe: Provider = {
  name: "stripe",
  title: "Stripe",
  secretHeaders: ["stripe-signature"],
  deliveryHeader: null,
  toleranceMs: FIVE_MINUTES_MS,
  verify(request, secret, nowMs) {
    const header = request.headers["stripe-signature"];
    if (!header) return refuse("missing", "the header Stripe-Signature is missing");
    const { time, signatures } = parse(header);
    if (time === null || signatures.length === 0) return refuse("malformed", "Stripe-Signature is not t=…,v1=…");
    const wrongTime = checkSeconds(time, nowMs, FIVE_MINUTES_MS);
    if (wrongTime) return wrongTime;
    const wanted = hmac("sha256", secret, `${time}.`, request.body);
    const fits = signatures
      .map((text) => decode(text, "hex"))
      .some((bytes) => bytes !== null && sameBytes(bytes, wanted));
    return fits ? VERIFIED : refuse("mismatch", "no v1 of Stripe-Signature fits the secret, the time and the body");
  },
  sign(request, secret, nowMs) {
    const time = secondsOf(nowMs);
    const digest = hmac("sha256", secret, `${time}.`, request.body).toString("hex");
    return { headers: { "stripe-signature": `t=${time},v1=${digest}` } };
  },
  samples: [
    {
      name: "payment_intent.succeeded",
      headers: {
        "content-type": "application/json; charset=utf-8",
        "user-agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
      },
      body: JSON.stringify(
        {
          id: "evt_3PgafmB7WZ01zgkW1sKueIc5",
          object: "event",
          api_version: "2026-06-30",
          created: 1_777_777_777,
          type: "payment_intent.succeeded",
          livemode: false,
          pending_webhooks: 1,
          request: { id: "req_k8ZkV3Z0d1Xb2Q", idempotency_key: null },
          data: {
            object: {
              id: "pi_3PgafmB7WZ01zgkW1xyz",
              object: "payment_intent",
              amount: 2000,
              currency: "eur",
              status: "succeeded",
            },
          },
        },
        null,
        2,
      ),
    },
    {
      name: "customer.subscription.deleted",
      headers: { "content-type": "application/json; charset=utf-8" },
      body: JSON.stringify({
        id: "evt_1PgafmB7WZ01zgkWsub",
        object: "event",
        created: 1_777_777_800,
        type: "customer.subscription.deleted",
        livemode: false,
        data: {
          object: { id: "sub_1PgafmB7WZ01zgkW", object: "subscription", customer: "cus_5a1", status: "canceled" },
        },
      }),
    },
  ],
};
