// `chiron tools`: the functions of the folders `tools`, and a way to try one.
import type { Command } from "commander";
import { ChironError } from "../core/errors.ts";
import { action, withCommonOptions, type CommandContext, type CommandDeps, type CommonOptions } from "./command.ts";
import { readJsonOption } from "./json-option.ts";
import { printable } from "./output.ts";
import { cutText } from "./value-text.ts";
import { withClient } from "./with-client.ts";
import { shownPath } from "./workflows.ts";

interface WireTool {
  readonly name: string;
  readonly path: string;
  readonly problem: string | null;
  readonly methods: readonly {
    readonly name: string;
    readonly signature: string;
    readonly description: string | null;
  }[];
}

interface CallOptions extends CommonOptions {
  readonly args?: string;
  readonly argsFile?: string;
}

export function addToolsCommands(program: Command, deps: CommandDeps): void {
  const tools = program
    .command("tools")
    .description("what ctx.call_tool finds in the folders tools")
    .addHelpText("after", "\nExample:\n  $ chiron tools list");
  withCommonOptions(tools.command("list"))
    .description("list local tools: public functions of tools/*.py inside and beside the workflow folders")
    .addHelpText("after", "\nExample:\n  $ chiron tools list")
    .action(action<CommonOptions>(deps, list));
  withCommonOptions(tools.command("call <tool.method>"))
    .description("call a tool as a workflow would, outside any run")
    .option("--args <json>", "its arguments as a JSON object, or @file")
    .option("--args-file <path>", 'a file with the arguments, "-" for standard input')
    .addHelpText(
      "after",
      `\nExamples:\n  $ chiron tools call text.slugify --args '{"text": "Hello World"}'\n  $ chiron tools call time.now`,
    )
    .action(action<CallOptions>(deps, (context, options, [name]) => call(context, options, name!)));
}

async function list(context: CommandContext, options: CommonOptions): Promise<void> {
  const { output, config } = context;
  await withClient(context, options, true, async (client) => {
    const answer = await client.get("/api/workflows/tools");
    if (output.json) return output.printJson(answer);
    const tools = answer["tools"] as readonly WireTool[];
    if (tools.length === 0)
      return output.note(`no tools in ${config.tools.dirs.map((dir) => shownPath(dir, config.root)).join(", ")}`);
    output.table(
      ["TOOL", "FILE", "DESCRIPTION"],
      tools.flatMap(({ name, path, methods }) =>
        methods.map((method) => [
          `${name}.${method.name}${method.signature}`,
          shownPath(path, config.root),
          cutText(method.description ?? "", 60),
        ]),
      ),
    );
    for (const { name, problem } of tools) {
      if (problem !== null)
        output.print(`${printable(name)}: ${output.style("red", "does not load")}: ${printable(problem)}`);
    }
  });
}

async function call(context: CommandContext, options: CallOptions, name: string): Promise<void> {
  const { output } = context;
  const [tool, method, ...rest] = name.split(".");
  if (!tool || !method || rest.length > 0) {
    throw new ChironError("bad_request", `${name} is not the name of a tool's method`, {
      hint: "Write tool.method, for example time.now.",
    });
  }
  const args = await readJsonOption({ inline: options.args, file: options.argsFile, option: "--args" });
  await withClient(context, options, true, async (client) => {
    const route = `/api/workflows/tools/${encodeURIComponent(tool)}/${encodeURIComponent(method)}`;
    const answer = await client.post(route, `{"args":${args ?? "{}"}}`);
    if (output.json) return output.printJson(answer);
    if (answer["nature"] !== "real") output.note(`${String(answer["nature"])}: ${String(answer["by"])}`);
    output.printJson(answer["value"]);
  });
}
