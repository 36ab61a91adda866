// Jira and Bitbucket: X-Hub-Signature over the raw body, by the WebSub rule. https://developer.atlassian.com/cloud/jira/platform/webhooks/
import type { Provider } from "../provider.ts";
import { hmacHeader } from "./hmac-header.ts";

const scheme = hmacHeader({ header: "X-Hub-Signature", prefix: "sha256=", algorithm: "sha256", encoding: "hex" });

export const jira: Provider = {
  name: "jira",
  title: "Jira",
  ...scheme,
  deliveryHeader: "x-atlassian-webhook-identifier",
  toleranceMs: null,
  samples: [
    {
      name: "issue_created",
      headers: {
        "content-type": "application/json",
        "x-atlassian-webhook-identifier": "f2b6a2b0-6e0f-4f7d-8d0e-6c2c0f1a9b71",
      },
      body: JSON.stringify({
        timestamp: 1_525_698_237_764,
        webhookEvent: "jira:issue_created",
        issue_event_type_name: "issue_created",
        user: { accountId: "5c0f1a9b716e0f4f7d8d0e6c", displayName: "Bryan Rollins" },
        issue: {
          id: "99291",
          key: "JRA-20002",
          fields: {
            summary: "I feel the need for speed",
            issuetype: { name: "Bug" },
            priority: { name: "Minor" },
            status: { name: "Open" },
          },
        },
      }),
    },
  ],
};

export const bitbucket: Provider = {
  name: "bitbucket",
  title: "Bitbucket",
  ...scheme,
  deliveryHeader: "x-request-uuid",
  toleranceMs: null,
  samples: [
    {
      name: "repo:push",
      headers: {
        "content-type": "application/json",
        "user-agent": "Bitbucket-Webhooks/2.0",
        "x-event-key": "repo:push",
        "x-hook-uuid": "f3e3a0ad-4a2f-4b2a-9a3b-6a7f1b0d2c33",
        "x-request-uuid": "4f8c1c3e-2d0b-4a83-9d6c-b1e9a8f7c6d5",
        "x-attempt-number": "1",
      },
      body: JSON.stringify({
        actor: { display_name: "Emma", type: "user" },
        repository: { full_name: "team_name/repo_name", type: "repository" },
        push: {
          changes: [
            {
              new: { type: "branch", name: "main", target: { hash: "709d658dc5b6d6afcd46049c2f332ee3f515a67d" } },
              old: { type: "branch", name: "main" },
              created: false,
              forced: false,
            },
          ],
        },
      }),
    },
  ],
};
