// Intercom: a SHA-1 hash of the body. https://developers.intercom.com/docs/webhooks/setting-up-webhooks
import type { Provider } from "../provider.ts";
import { hmacHeader } from "./hmac-header.ts";

export const intercom: Provider = {
  name: "intercom",
  title: "Intercom",
  ...hmacHeader({ header: "X-Hub-Signature", prefix: "sha1=", algorithm: "sha1", encoding: "hex" }),
  deliveryHeader: null,
  toleranceMs: null,
  samples: [
    {
      name: "conversation.user.created",
      headers: { "content-type": "application/json", "user-agent": "intercom-webhooks" },
      body: JSON.stringify({
        type: "notification_event",
        app_id: "a86dr8yl",
        id: "notif_ccd8a4d0-f965-11e3-a367-c779cae3e1b3",
        topic: "conversation.user.created",
        delivery_attempts: 1,
        first_sent_at: 1_392_731_331,
        data: {
          type: "notification_event_data",
          item: {
            type: "conversation",
            id: "1039067180",
            state: "open",
            source: { type: "conversation", body: "<p>Hey there</p>" },
          },
        },
      }),
    },
  ],
};
