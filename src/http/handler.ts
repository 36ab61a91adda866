// Serves one route: access, then parameters, query and body by the route's schemas, then its own code. Whatever is thrown on the way
// becomes the error envelope.
import type { Context } from "hono";
import type { z } from "zod";
import { ChironError } from "../core/errors.ts";
import { sliceMembers, type JsonText } from "../core/json-text.ts";
import { readJsonBody } from "./body.ts";
import type { ApiDeps, Bindings } from "./deps.ts";
import { errorResponse } from "./errors.ts";
import type { Keys } from "./keys.ts";
import type { Route } from "./route.ts";

const NO_MEMBERS: ReadonlyMap<string, JsonText> = new Map();

export type AppContext = Context<{ Bindings: Bindings }>;

/** The function that answers requests to this route. Never rejects. */
export function handlerOf(route: Route, deps: ApiDeps, keys: Keys): (context: AppContext) => Promise<Response> {
  const { params, query, body } = route;
  const { traceRequest } = deps;
  const mayBeEmpty = body?.safeParse({}).success ?? false;
  const serve = async (context: AppContext): Promise<Response> => {
    try {
      const request = context.req.raw;
      // Absent where the app is called without a server (app.request).
      const env: Bindings = context.env ?? {};
      await keys.check(request, env, route.access);
      const checkedParams = params && check(params, context.req.param(), "path parameter");
      const checkedQuery = query && check(query, context.req.query(), "query parameter");
      if (!body) {
        return await route.handle({
          params: checkedParams,
          query: checkedQuery,
          body: undefined,
          raw: NO_MEMBERS,
          request,
          env,
        });
      }
      const { text, value } = await readJsonBody(request, mayBeEmpty);
      const checkedBody = check(body, value, "body");
      const raw = sliceMembers(text);
      return await route.handle({ params: checkedParams, query: checkedQuery, body: checkedBody, raw, request, env });
    } catch (error) {
      return errorResponse(error, deps.bus);
    }
  };
  return traceRequest ? (context) => traceRequest(route, context.req.raw, () => serve(context)) : serve;
}

/** Throws ChironError bad_request that names the first field that does not fit. */
function check<S extends z.ZodObject>(schema: S, value: unknown, what: string): z.output<S> {
  const read = schema.safeParse(value);
  if (read.success) return read.data;
  const issue = read.error.issues[0]!;
  const field = issue.path.map(String).join(".");
  const message = issue.message.replace(/^Invalid input: /, "");
  throw new ChironError("bad_request", field === "" ? `${what}: ${message}` : `${what} ${field}: ${message}`);
}
