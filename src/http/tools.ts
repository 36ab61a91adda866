// The local tools that the folders hold, and the order to call a tool outside a run.
import { z } from "zod";
import type { ServedTool } from "../catalog/catalog.ts";
import { ChironError } from "../core/errors.ts";
import type { JsonText } from "../core/json-text.ts";
import type { ApiDeps } from "./deps.ts";
import { json } from "./responses.ts";
import { route, type Route } from "./route.ts";
import { object } from "./wire.ts";

const ToolsAnswer = z.object({
  ok: z.literal(true),
  tools: z.array(
    z.object({
      name: z.string(),
      path: z.string(),
      description: z.string().nullable(),
      problem: z.string().nullable().describe("Why the file cannot be called, or null."),
      methods: z.array(
        z.object({ name: z.string(), line: z.int(), signature: z.string(), description: z.string().nullable() }),
      ),
    }),
  ),
});

const ToolCallAnswer = z.object({
  ok: z.literal(true),
  tool: z.string(),
  method: z.string(),
  nature: z.enum(["real", "stubbed", "recorded"]),
  by: z.string().describe("Who answered: a file, a program, an address."),
  value: z.unknown(),
});

const name = z.string().min(1).max(200);
const ToolParams = z.object({ tool: name, method: name });
const ToolBody = z.object({ args: z.record(z.string(), z.unknown()).optional() });

export function toolRoutes({ catalog, callTool }: ApiDeps): Route[] {
  return [
    route({
      method: "GET",
      path: "/api/workflows/tools",
      name: "listTools",
      summary: "The local tools: functions of the files in the folders `tools`.",
      access: "read",
      answers: { 200: { description: "The tools.", schema: ToolsAnswer } },
      handle: () => json(JSON.stringify({ ok: true, tools: [...catalog.current().tools.values()].map(tool) })),
    }),
    route({
      method: "POST",
      path: "/api/workflows/tools/{tool}/{method}",
      name: "callTool",
      summary: "Call a tool outside a run, wherever ctx.call_tool would find it. Nothing of it is recorded.",
      access: "admin",
      params: ToolParams,
      body: ToolBody,
      answers: { 200: { description: "What the tool answered.", schema: ToolCallAnswer } },
      async handle({ params, raw, request }) {
        if (!callTool) throw new ChironError("unavailable", "this process calls no tools");
        const args = raw.get("args") ?? ("{}" as JsonText);
        const { value, nature, by } = await callTool(params.tool, params.method, args, request.signal);
        return json(object({ ok: true, tool: params.tool, method: params.method, nature, by }, { value }));
      },
    }),
  ];
}

function tool({ name: called, path, description, problem, methods }: ServedTool): object {
  return { name: called, path, description, problem, methods };
}
