// What the page asks before anything else: what it looks at, and whether it may change things. A person's key is kept by the browser in
// a cookie that no script reads and no other site sends; the page itself forgets it.
import { z } from "zod";
import { ErrorAnswer } from "./answers.ts";
import type { ApiDeps } from "./deps.ts";
import type { Keys } from "./keys.ts";
import { json } from "./responses.ts";
import { route, type Route } from "./route.ts";
import { clearedCookie, keyCookie } from "./session-cookie.ts";

const SessionAnswer = z.object({
  ok: z.literal(true),
  project: z.string(),
  version: z.string(),
  mode: z.string(),
  store: z.object({ kind: z.string(), location: z.string() }),
  read_only: z
    .boolean()
    .describe("Whether the page only shows: on a server, changes are made with a key of one's own."),
  counts: z.array(z.object({ queue: z.string(), workflow_name: z.string(), status: z.string(), count: z.int() })),
});
export type Session = z.output<typeof SessionAnswer>;

const LoginBody = z.object({ key: z.string().min(1).max(512) });
const Done = z.object({ ok: z.literal(true) });

export function sessionRoutes(deps: ApiDeps, keys: Keys): Route[] {
  return [sessionRoute(deps), loginRoute(keys), logoutRoute()];
}

function sessionRoute({ store, info }: ApiDeps): Route {
  return route({
    method: "GET",
    path: "/api/session",
    name: "getSession",
    summary: "What the page looks at: project, store, how many tasks there are in each state.",
    access: "read",
    answers: { 200: { description: "The session.", schema: SessionAnswer } },
    async handle() {
      const counts = await store.reads.counts();
      const { kind, location } = store.admin.describe();
      return json(
        JSON.stringify({
          ok: true,
          project: info.project ?? "",
          version: info.version,
          mode: info.mode,
          store: { kind, location },
          read_only: info.mode === "serve",
          counts: counts.map(({ queue, workflowName, state, count }) => ({
            queue,
            workflow_name: workflowName,
            status: state,
            count,
          })),
        }),
      );
    },
  });
}

function loginRoute(keys: Keys): Route {
  return route({
    method: "POST",
    path: "/api/session/login",
    name: "login",
    summary: "Keep this key for the page, in a cookie that scripts cannot read and other sites cannot send.",
    access: "open",
    body: LoginBody,
    answers: {
      200: { description: "Kept.", schema: Done },
      401: { description: "The key is not valid.", schema: ErrorAnswer },
    },
    async handle({ body, request }) {
      await keys.checkKey(body.key.trim());
      return json('{"ok":true}', 200, { "set-cookie": keyCookie(body.key.trim(), request) });
    },
  });
}

function logoutRoute(): Route {
  return route({
    method: "POST",
    path: "/api/session/logout",
    name: "logout",
    summary: "Forget the page's key.",
    access: "open",
    answers: { 200: { description: "Forgotten.", schema: Done } },
    handle: ({ request }) => json('{"ok":true}', 200, { "set-cookie": clearedCookie(request) }),
  });
}
