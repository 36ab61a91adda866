// `chiron doctor`: looks at everything Chiron stands on and says what to do about what is wrong. Creates and changes nothing.
import type { Command } from "commander";
import { messageOf } from "../core/errors.ts";
import { action, withCommonOptions, type CommandContext, type CommandDeps, type CommonOptions } from "./command.ts";
import { checkAgents } from "./doctor-agents.ts";
import { checkClock, checkDatabaseUrl, checkDisk, checkNode, checkWatches } from "./doctor-machine.ts";
import { checkKeys, checkPort, checkPython, checkServer, checkStore, checkWorkflows } from "./doctor-project.ts";
import { checkSecrets } from "./doctor-secrets.ts";
import { checkSlack } from "./doctor-slack.ts";
import type { Diagnosis, Examination } from "./examination.ts";
import { printable, type Output } from "./output.ts";

const EXAMINATIONS: readonly (readonly [name: string, examine: Examination])[] = [
  ["node", checkNode],
  ["python", checkPython],
  ["workflows", checkWorkflows],
  ["store", checkStore],
  ["disk", checkDisk],
  ["server", checkServer],
  ["port", checkPort],
  ["keys", checkKeys],
  ["agents", checkAgents],
  ["slack", checkSlack],
  ["secrets", checkSecrets],
  ["file watching", checkWatches],
  ["clock", checkClock],
  ["database url", checkDatabaseUrl],
];

const FAILED_EXIT = 3;
const MARKS = { ok: ["green", "✔"], warn: ["yellow", "!"], fail: ["red", "✘"] } as const;

const EXAMPLES = `
Examples:
  $ chiron doctor
  $ chiron doctor --json | jq '.checks[] | select(.status != "ok")'
The exit code is 0 when nothing fails and 3 when something does.`;

export function addDoctorCommand(program: Command, deps: CommandDeps): void {
  withCommonOptions(program.command("doctor"))
    .description("look for what would keep Chiron from working here")
    .addHelpText("after", EXAMPLES)
    .action(action<CommonOptions>(deps, doctor));
}

async function doctor({ output, wiring, config }: CommandContext): Promise<number> {
  const checks = await Promise.all(
    EXAMINATIONS.map(async ([name, examine]): Promise<Diagnosis> => {
      try {
        return await examine({ wiring, config });
      } catch (error) {
        return { name, status: "fail", message: messageOf(error), fix: "This check itself failed." };
      }
    }),
  );
  const fails = checks.filter((check) => check.status === "fail").length;
  if (output.json) output.printJson({ ok: fails === 0, version: wiring.version, checks });
  else print(output, wiring.version, checks);
  return fails === 0 ? 0 : FAILED_EXIT;
}

function print(output: Output, version: string, checks: readonly Diagnosis[]): void {
  const width = Math.max(...checks.map((check) => check.name.length));
  output.print(`chiron ${version}`);
  for (const { name, status, message, fix } of checks) {
    const [style, mark] = MARKS[status];
    output.print(`${output.style(style, mark)} ${name.padEnd(width)}  ${printable(message)}`);
    if (fix !== undefined) output.print(`  ${" ".repeat(width)}  ${output.style("dim", "→")} ${printable(fix)}`);
  }
}
