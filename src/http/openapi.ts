// The OpenAPI 3.1 document, made from the routes that are served and the very schemas that check their requests.
import { z } from "zod";
import * as answers from "./answers.ts";
import type { ApiDeps } from "./deps.ts";
import { json } from "./responses.ts";
import { route, type Answer, type Route } from "./route.ts";

type Json = Record<string, unknown>;

/** How schemas are printed: as what a client sends, without bounds and patterns that only restate the type. */
const PRINT = {
  io: "input",
  unrepresentable: "any",
  override: ({ jsonSchema }: { jsonSchema: Json }) => {
    if (jsonSchema["minimum"] === Number.MIN_SAFE_INTEGER) delete jsonSchema["minimum"];
    if (jsonSchema["maximum"] === Number.MAX_SAFE_INTEGER) delete jsonSchema["maximum"];
    if (jsonSchema["format"] !== undefined) delete jsonSchema["pattern"];
  },
} as const;

const NAMED: Readonly<Record<string, z.ZodType>> = {
  Error: answers.ErrorAnswer,
  Failure: answers.Failure,
  WorkflowRun: answers.WorkflowRun,
};

const ERROR_TEXTS: Readonly<Record<number, string>> = {
  400: "The request is malformed.",
  401: "No key, or one that is not valid.",
  403: "A foreign host or origin, a key without the scope, or a workflow that is not allowed.",
  404: "There is no such thing.",
  413: "The body is too large.",
  415: "The body is not JSON.",
  500: "A fault of the server.",
  503: "Starting, or the store cannot commit.",
};

/** The route that prints all others and itself. */
export function openapiRoute({ info }: ApiDeps, others: readonly Route[]): Route {
  let text: string | null = null;
  const own: Route = route({
    method: "GET",
    path: "/api/openapi.json",
    name: "openapi",
    summary: "This document.",
    access: "read",
    answers: { 200: { description: "OpenAPI 3.1.", schema: z.record(z.string(), z.unknown()) } },
    handle: () => json((text ??= JSON.stringify(openapiDocument([...others, own], info.version)))),
  });
  return own;
}

function openapiDocument(routes: readonly Route[], version: string): Json {
  const schemas = componentsOf(routes);
  const paths: Record<string, Json> = {};
  for (const entry of routes) {
    const path = (paths[entry.path] ??= {});
    path[entry.method.toLowerCase()] = operation(entry, schemas);
  }
  return {
    openapi: "3.1.0",
    info: { title: "Chiron", version, description: "Durable Python workflows in one process." },
    paths,
    components: {
      schemas,
      securitySchemes: {
        bearer: { type: "http", scheme: "bearer" },
        apiKey: { type: "apiKey", in: "header", name: "X-Api-Key" },
      },
    },
  };
}

const refTo = (name: string): string => `#/components/schemas/${name}`;

/** Every schema of every route under a name of its own, so that they can refer to each other. */
function componentsOf(routes: readonly Route[]): Record<string, Json> {
  const registry = z.registry<{ id: string }>();
  for (const [id, schema] of Object.entries(NAMED)) registry.add(schema, { id });
  const add = (schema: z.ZodType | undefined, id: string): void => {
    if (schema && !registry.has(schema)) registry.add(schema, { id });
  };
  for (const entry of routes) {
    add(entry.body, `${entry.name}Body`);
    for (const [status, { schema }] of Object.entries(entry.answers)) add(schema, `${entry.name}${status}`);
  }
  const made = z.toJSONSchema(registry, { ...PRINT, uri: refTo });
  return Object.fromEntries(
    Object.entries(made.schemas).map(([id, schema]) => {
      const { $schema: _dialect, $id: _uri, ...rest } = schema as Json;
      return [id, rest];
    }),
  );
}

function operation(entry: Route, schemas: Readonly<Record<string, Json>>): Json {
  const parameters = [...parametersOf(entry.params, "path"), ...parametersOf(entry.query, "query")];
  const body = entry.body && { content: { "application/json": { schema: { $ref: refTo(`${entry.name}Body`) } } } };
  return {
    operationId: entry.name,
    summary: entry.summary,
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(body ? { requestBody: { required: !entry.body!.safeParse({}).success, ...body } } : {}),
    responses: responsesOf(entry, schemas),
    security: entry.access === "open" ? [] : [{ bearer: [] }, { apiKey: [] }],
  };
}

function parametersOf(schema: z.ZodObject | undefined, place: "path" | "query"): Json[] {
  if (!schema) return [];
  const { properties = {} } = z.toJSONSchema(schema, PRINT);
  return Object.entries(properties).map(([name, property]) => ({
    name,
    in: place,
    required: place === "path",
    schema: property,
  }));
}

function responsesOf(entry: Route, schemas: Readonly<Record<string, Json>>): Json {
  const responses: Record<string, Json> = {};
  for (const [status, its] of Object.entries(entry.answers)) {
    responses[status] = { description: its.description, ...contentOf(entry, status, its, schemas) };
  }
  for (const status of errorsOf(entry)) {
    responses[status] ??= {
      description: ERROR_TEXTS[status],
      content: { "application/json": { schema: { $ref: refTo("Error") } } },
    };
  }
  return responses;
}

function contentOf(entry: Route, status: string, its: Answer, schemas: Readonly<Record<string, Json>>): Json {
  if (its.type) return { content: { [its.type]: { schema: { type: "string" } } } };
  const own = `${entry.name}${status}`;
  // A schema that several routes share has the name of the first.
  const name = own in schemas ? own : nameOfShared(its.schema);
  return { content: { "application/json": { schema: { $ref: refTo(name) } } } };
}

function nameOfShared(schema: z.ZodType | undefined): string {
  if (schema === answers.CatalogAnswer) return "getCatalog200";
  return Object.entries(NAMED).find(([, named]) => named === schema)?.[0] ?? "Error";
}

function errorsOf(entry: Route): number[] {
  const errors = [403, 500];
  if (entry.access !== "open") errors.push(401, 503);
  if (entry.params || entry.query || entry.body) errors.push(400);
  if (entry.params || entry.name === "createRun") errors.push(404);
  if (entry.body) errors.push(413, 415);
  return errors.toSorted((a, b) => a - b);
}
