// Tools in section [effects] of chiron.toml: who may answer ctx.call_tool, and where local tools are.
import path from "node:path";
import { z } from "zod";
import { parseDuration } from "../core/duration.ts";
import type { ToolSettings } from "../effects/tools/tools.ts";

/** Five minutes: a tool may search a whole repository. */
const DEFAULT_TIMEOUT_MS = 300_000;

const duration = z.string().transform((text, context) => {
  const ms = parseDuration(text);
  if (ms !== null && ms > 0) return ms;
  context.addIssue({ code: "custom", message: `"${text}" is not a duration such as 90s or 5m` });
  return z.NEVER;
});

/** Members of section [effects] about tools. */
export const toolMembers = {
  tools: z.enum(["live", "stubs"]).optional(),
  tool_stubs: z.string().min(1).optional(),
  tool_program: z.string().optional(),
  tool_timeout: duration.optional(),
  local_tools: z.boolean().optional(),
};

const section = z.strictObject(toolMembers);
type ToolSection = z.infer<typeof section>;

export interface ToolConfig extends ToolSettings {
  /** Folders whose files are local tools, in the order in which they win. */
  readonly dirs: readonly string[];
}

/** Paths are relative to the project. An empty `tool_program` asks none. */
export function toolConfig(
  root: string,
  workflowDirs: readonly string[],
  apiUrl: string | undefined,
  file: ToolSection = {},
): ToolConfig {
  const program = file.tool_program ?? "centaur-tools";
  return {
    mode: file.tools ?? "live",
    stubs: file.tool_stubs === undefined ? undefined : path.resolve(root, file.tool_stubs),
    apiUrl,
    program: program === "" ? null : program.includes("/") ? path.resolve(root, program) : program,
    timeoutMs: file.tool_timeout ?? DEFAULT_TIMEOUT_MS,
    dirs: file.local_tools === false ? [] : toolDirs(workflowDirs),
  };
}

/** A folder `tools` inside each workflow folder, and one beside it. */
export function toolDirs(workflowDirs: readonly string[]): string[] {
  const dirs = workflowDirs.flatMap((dir) => [path.join(dir, "tools"), path.join(path.dirname(dir), "tools")]);
  return [...new Set(dirs)].filter((dir) => !workflowDirs.includes(dir));
}
