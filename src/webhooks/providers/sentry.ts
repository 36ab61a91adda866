// Sentry integrations: a hex hash of the body. https://docs.sentry.io/organization/integrations/integration-platform/webhooks/
import type { Provider } from "../provider.ts";
import { hmacHeader } from "./hmac-header.ts";

export const sentry: Provider = {
  name: "sentry",
  title: "Sentry",
  ...hmacHeader({ header: "Sentry-Hook-Signature", prefix: "", algorithm: "sha256", encoding: "hex" }),
  deliveryHeader: "request-id",
  toleranceMs: null,
  samples: [
    {
      name: "issue.created",
      headers: {
        "content-type": "application/json",
        "request-id": "7d2f9a52-0e5f-4d0c-8a5e-2b0b4b8f8d11",
        "sentry-hook-resource": "issue",
        "sentry-hook-timestamp": "1543605600",
      },
      body: JSON.stringify({
        action: "created",
        installation: { uuid: "24b3a3e2-9a4e-4f3c-b0c5-0d1c9a7d2f11" },
        data: {
          issue: {
            id: "1170820242",
            shortId: "MYPROJECT-1",
            title: "ReferenceError: heck is not defined",
            level: "error",
            status: "unresolved",
            platform: "javascript",
            project: { slug: "front-end" },
          },
        },
        actor: { type: "application", id: "sentry", name: "Sentry" },
      }),
    },
  ],
};
