// GitLab: the secret token itself in X-Gitlab-Token, or, when the secret is a signing token (whsec_…), a signature by Standard Webhooks.
// https://docs.gitlab.com/user/project/integrations/webhooks/
import { type Provider, refuse, VERIFIED } from "../provider.ts";
import { sameText } from "../signature.ts";
import { standardWebhooks } from "./standard-webhooks.ts";

const isSigningToken = (secret: string): boolean => secret.startsWith("whsec_");

export const gitlab: Provider = {
  name: "gitlab",
  title: "GitLab",
  secretHeaders: ["x-gitlab-token", ...standardWebhooks.secretHeaders],
  deliveryHeader: "idempotency-key",
  toleranceMs: standardWebhooks.toleranceMs,
  checkSecret: (secret) => (isSigningToken(secret) ? standardWebhooks.checkSecret!(secret) : null),
  verify(request, secret, nowMs) {
    if (isSigningToken(secret)) return standardWebhooks.verify(request, secret, nowMs);
    const given = request.headers["x-gitlab-token"];
    if (!given) return refuse("missing", "the header X-Gitlab-Token is missing");
    return sameText(given, secret) ? VERIFIED : refuse("mismatch", "X-Gitlab-Token is not the secret");
  },
  sign(request, secret, nowMs) {
    if (isSigningToken(secret)) return standardWebhooks.sign(request, secret, nowMs);
    return { headers: { "x-gitlab-token": secret } };
  },
  samples: [
    {
      name: "merge_request.open",
      headers: {
        "content-type": "application/json",
        "x-gitlab-event": "Merge Request Hook",
        "x-gitlab-event-uuid": "13792a34-cac6-4fda-95a8-c58e00a3954e",
        "idempotency-key": "f5e57a2d-5cbf-4e9d-8dfd-3b0a6c9d2a11",
        "x-gitlab-instance": "https://gitlab.example.com",
      },
      body: JSON.stringify({
        object_kind: "merge_request",
        event_type: "merge_request",
        user: { id: 1, name: "Administrator", username: "root" },
        project: { id: 1, name: "Gitlab Test", path_with_namespace: "gitlab-org/gitlab-test", default_branch: "main" },
        object_attributes: {
          id: 99,
          iid: 1,
          title: "MS-Viewport",
          state: "opened",
          action: "open",
          source_branch: "ms-viewport",
          target_branch: "main",
        },
        labels: [],
      }),
    },
    {
      name: "push",
      headers: {
        "content-type": "application/json",
        "x-gitlab-event": "Push Hook",
        "idempotency-key": "0d1c7c3f-3f2a-4f7e-9d6e-0a4d6a1d2b7c",
      },
      body: JSON.stringify({
        object_kind: "push",
        before: "95790bf891e76fee5e1747ab589903a6a1f80f22",
        after: "da1560886d4f094c3e6c9ef40349f7d38b5d27d7",
        ref: "refs/heads/main",
        user_username: "jsmith",
        project: { id: 15, path_with_namespace: "mike/diaspora" },
        total_commits_count: 4,
      }),
    },
  ],
};
