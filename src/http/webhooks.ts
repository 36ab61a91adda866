// Webhooks as they are served: where, how they are signed, and whether their secrets are there.
import { z } from "zod";
import { providerOf, secretRefsOf } from "../webhooks/auth.ts";
import type { ApiDeps } from "./deps.ts";
import { json } from "./responses.ts";
import { route, type Route } from "./route.ts";
import { object } from "./wire.ts";

const WebhooksAnswer = z.object({
  ok: z.literal(true),
  webhooks: z.array(
    z.object({
      slug: z.string(),
      path: z.string(),
      workflow_name: z.string(),
      source_path: z.string(),
      provider: z.string().nullable(),
      auth: z.string(),
      signing: z
        .looseObject({ type: z.string() })
        .describe("How it is signed: what `auth` came to. Names of secrets, never their values."),
      secrets: z.array(z.object({ name: z.string(), state: z.enum(["set", "missing", "malformed"]) })),
      allowed_methods: z.array(z.string()),
      allowed_content_types: z.array(z.string()),
      trigger_key: z.unknown(),
      filter: z.unknown(),
    }),
  ),
});

export type WebhookList = z.output<typeof WebhooksAnswer>;

export function webhooksRoute({ catalog, webhooks }: ApiDeps): Route {
  return route({
    method: "GET",
    path: "/api/workflows/webhooks",
    name: "listWebhooks",
    summary: "Webhooks that serve, and whether their secrets are there. A secret itself is never shown.",
    access: "read",
    answers: { 200: { description: "By slug.", schema: WebhooksAnswer } },
    handle() {
      const entries = [...catalog.current().webhooks.values()].toSorted((a, b) => (a.slug < b.slug ? -1 : 1));
      const shown = entries.map(({ slug, workflowName, sourcePath, spec }) => ({
        slug,
        path: `/api/webhooks/${slug}`,
        workflow_name: workflowName,
        source_path: sourcePath,
        provider: spec.provider,
        auth: spec.auth.type,
        signing: spec.auth,
        secrets: secretRefsOf(spec.auth).map((name) => {
          const value = webhooks.secret(name)?.trim() ?? "";
          const fault = value === "" ? null : (providerOf(spec.auth)?.checkSecret?.(value) ?? null);
          return { name, state: value === "" ? "missing" : fault === null ? "set" : "malformed" };
        }),
        allowed_methods: spec.allowed_methods,
        allowed_content_types: spec.allowed_content_types,
        trigger_key: spec.trigger_key,
        filter: spec.filter,
      }));
      return json(object({ ok: true, webhooks: shown }));
    },
  });
}
