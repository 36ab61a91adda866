// Square: a base64 hash of the notification address and the body. https://developer.squareup.com/docs/webhooks/step3validate
import type { Provider } from "../provider.ts";
import { hmacHeader } from "./hmac-header.ts";

export const square: Provider = {
  name: "square",
  title: "Square",
  ...hmacHeader({
    header: "X-Square-Hmacsha256-Signature",
    prefix: "",
    algorithm: "sha256",
    encoding: "base64",
    signed: (request) => [request.url, request.body],
  }),
  deliveryHeader: null,
  toleranceMs: null,
  samples: [
    {
      name: "payment.created",
      headers: { "content-type": "application/json", "square-environment": "Sandbox" },
      body: JSON.stringify({
        merchant_id: "6SSW7HV8K2ST5",
        type: "payment.created",
        event_id: "13b867cf-db3d-4b1c-90b6-2f32a9d78124",
        created_at: "2026-02-06T21:27:34.308Z",
        data: {
          type: "payment",
          id: "KkAkhdMsgzn59SM8A89WgKwekxLZY",
          object: {
            payment: {
              id: "hYy9pRFVxpDsO1FB05SunFWUe9JZY",
              amount_money: { amount: 100, currency: "USD" },
              status: "APPROVED",
            },
          },
        },
      }),
    },
  ],
};
