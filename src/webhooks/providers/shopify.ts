// Shopify: a base64 hash of the body. https://shopify.dev/docs/apps/build/webhooks/subscribe/https
import type { Provider } from "../provider.ts";
import { hmacHeader } from "./hmac-header.ts";

export const shopify: Provider = {
  name: "shopify",
  title: "Shopify",
  ...hmacHeader({ header: "X-Shopify-Hmac-Sha256", prefix: "", algorithm: "sha256", encoding: "base64" }),
  deliveryHeader: "x-shopify-webhook-id",
  toleranceMs: null,
  samples: [
    {
      name: "orders/create",
      headers: {
        "content-type": "application/json",
        "x-shopify-topic": "orders/create",
        "x-shopify-shop-domain": "example.myshopify.com",
        "x-shopify-api-version": "2026-07",
        "x-shopify-webhook-id": "b54557e4-bdd9-4b37-8a5f-bf7d70bcd043",
        "x-shopify-triggered-at": "2026-03-29T18:00:27.877041743Z",
      },
      body: JSON.stringify({
        id: 4509821946154,
        admin_graphql_api_id: "gid://shopify/Order/4509821946154",
        email: "jon@example.com",
        created_at: "2026-12-31T19:00:00-05:00",
        currency: "USD",
        total_price: "388.00",
        line_items: [{ id: 487817672276, title: "Big Brown Bear Boots", quantity: 1, price: "74.99" }],
      }),
    },
  ],
};
