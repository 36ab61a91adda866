// GitHub: X-Hub-Signature-256 over the raw body. https://docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries
import type { Provider } from "../provider.ts";
import { hmacHeader } from "./hmac-header.ts";

const repository = {
  id: 1296269,
  full_name: "octo-org/octo-repo",
  private: false,
  html_url: "https://github.com/octo-org/octo-repo",
  default_branch: "main",
};
const sender = { login: "octocat", id: 1, type: "User", site_admin: false };

export const github: Provider = {
  name: "github",
  title: "GitHub",
  ...hmacHeader({ header: "X-Hub-Signature-256", prefix: "sha256=", algorithm: "sha256", encoding: "hex" }),
  secretHeaders: ["x-hub-signature-256", "x-hub-signature"],
  deliveryHeader: "x-github-delivery",
  toleranceMs: null,
  samples: [
    {
      name: "issues.opened",
      headers: {
        "content-type": "application/json",
        "user-agent": "GitHub-Hookshot/044aadd",
        "x-github-event": "issues",
        "x-github-delivery": "72d3162e-cc78-11e3-81ab-4c9367dc0958",
        "x-github-hook-id": "292430182",
      },
      body: JSON.stringify({
        action: "opened",
        issue: {
          id: 73464126,
          number: 2,
          title: "Spelling error in the README file",
          body: "It looks like you accidentally spelled 'commit' with two 't's.",
          state: "open",
          user: sender,
          labels: [],
          created_at: "2026-05-05T23:40:28Z",
          html_url: "https://github.com/octo-org/octo-repo/issues/2",
        },
        repository,
        sender,
      }),
    },
    {
      name: "ping",
      headers: {
        "content-type": "application/json",
        "x-github-event": "ping",
        "x-github-delivery": "0b989ba4-242f-11e5-81e1-c7b6966d2516",
      },
      body: JSON.stringify({
        zen: "Keep it logically awesome.",
        hook_id: 30,
        hook: { type: "Repository", id: 30, events: ["issues"] },
        repository,
        sender,
      }),
    },
    {
      name: "push",
      headers: {
        "content-type": "application/json",
        "x-github-event": "push",
        "x-github-delivery": "b3a3c6d0-5d33-11ee-8c99-0242ac120002",
      },
      body: JSON.stringify({
        ref: "refs/heads/main",
        before: "6113728f27ae82c7b1a177c8d03f9e96e0adf246",
        after: "59b20b8d5c6ff8d09518454d4dd8b7b30f095ab5",
        commits: [
          {
            id: "59b20b8d5c6ff8d09518454d4dd8b7b30f095ab5",
            message: "Update README",
            author: { name: "Octo Cat", email: "octocat@example.com" },
          },
        ],
        repository,
        sender,
      }),
    },
  ],
};
