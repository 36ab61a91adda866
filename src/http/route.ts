// A route as data: what it is called, who may call it, what it takes and answers. The same record is served (handler.ts) and printed
// (openapi.ts), so the document cannot say something else than the code.
import type { z } from "zod";
import type { JsonText } from "../core/json-text.ts";
import type { Bindings } from "./deps.ts";
import type { Access } from "./keys.ts";

export interface Answer {
  readonly description: string;
  /** JSON unless `type` says otherwise. */
  readonly schema?: z.ZodType;
  readonly type?: string;
}

/** A checked request. */
export interface Call<P = unknown, Q = unknown, B = unknown> {
  readonly params: P;
  readonly query: Q;
  readonly body: B;
  /** The body's members as the client wrote them. */
  readonly raw: ReadonlyMap<string, JsonText>;
  readonly request: Request;
  readonly env: Bindings;
}

export interface Route {
  readonly method: "GET" | "POST";
  /** With `{name}` for a path parameter. */
  readonly path: string;
  /** Unique name, the OpenAPI operationId. */
  readonly name: string;
  readonly summary: string;
  readonly access: Access;
  readonly params?: z.ZodObject;
  readonly query?: z.ZodObject;
  readonly body?: z.ZodObject;
  /** By status. Errors that any route may answer are not repeated here. */
  readonly answers: Readonly<Record<number, Answer>>;
  handle(call: Call): Promise<Response> | Response;
}

type Read<S> = S extends z.ZodType ? z.output<S> : undefined;

interface Typed<
  P extends z.ZodObject | undefined,
  Q extends z.ZodObject | undefined,
  B extends z.ZodObject | undefined,
> extends Omit<Route, "params" | "query" | "body" | "handle"> {
  readonly params?: P;
  readonly query?: Q;
  readonly body?: B;
  handle(call: Call<Read<P>, Read<Q>, Read<B>>): Promise<Response> | Response;
}

/** Ties a handler's types to the schemas beside it. */
export function route<
  P extends z.ZodObject | undefined = undefined,
  Q extends z.ZodObject | undefined = undefined,
  B extends z.ZodObject | undefined = undefined,
>(typed: Typed<P, Q, B>): Route {
  return typed as unknown as Route;
}
