// A tool called by a person and not by a run: the same tools in the same order, with the local ones of the newest generation. Nothing of
// it is recorded.
import { randomUUID } from "node:crypto";
import { ChironError } from "../core/errors.ts";
import type { TaskId } from "../core/ids.ts";
import { toJsonText, type JsonText } from "../core/json-text.ts";
import type { Mask } from "../core/redaction.ts";
import type { EffectContext, EffectHandler, EffectNature } from "../ports/effects.ts";
import type { LocalTool } from "../ports/host.ts";
import type { CatalogView, ServedTool } from "./catalog.ts";

export interface ToolAnswer {
  readonly value: JsonText;
  readonly nature: EffectNature;
  /** Who answered: a file, a program, an address. */
  readonly by: string;
}

/** `args`: one JSON object. Throws ChironError. */
export type CallTool = (tool: string, method: string, args: JsonText, signal: AbortSignal) => Promise<ToolAnswer>;

const TYPE = "ctx.call_tool";

/** What a tool says when it fails is masked; what it answers is the caller's. */
export function toolCaller(tools: EffectHandler, catalog: CatalogView, mask: Mask): CallTool {
  return async (tool, method, args, signal) => {
    const served = catalog.current().tools.get(tool);
    const context: EffectContext = {
      taskId: "none" as TaskId,
      runId: "none",
      workflowName: "",
      harnessType: null,
      // No two of these calls are the same one.
      ordinal: randomUUID(),
      signal,
      ...(served ? { local: localTool(served, method, args) } : {}),
    };
    const text = `{"tool":${toJsonText(tool)},"method":${toJsonText(method)},"args":${args}}` as JsonText;
    const { nature, by } = tools.describe(TYPE, text, context);
    const value = await tools
      .call(TYPE, text, context, () => undefined)
      .catch((error: unknown) => {
        throw masked(error, mask);
      });
    return { value, nature, by };
  };
}

function masked(error: unknown, mask: Mask): unknown {
  if (!(error instanceof ChironError)) return error;
  const { code, message, hint } = error;
  return new ChironError(code, mask(message), hint === undefined ? {} : { hint });
}

function localTool({ name, path, methods, problem, host }: ServedTool, method: string, args: JsonText): LocalTool {
  const callable = host.callTool ? methods.map((one) => one.name) : [];
  return { path, methods: callable, problem, perform: () => host.callTool!(name, method, args) };
}
