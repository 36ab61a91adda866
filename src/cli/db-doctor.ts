// `chiron db doctor`: whether the database is fit to work on. Changes nothing.
import type { CommandContext } from "./command.ts";
import type { Diagnosis } from "./examination.ts";
import { printable, type Output } from "./output.ts";

const FAILED_EXIT = 3;
const MARKS = { ok: ["green", "✔"], warn: ["yellow", "!"], fail: ["red", "✘"] } as const;

export async function examine({ wiring, output, config }: CommandContext): Promise<number> {
  const checks = await wiring.database.examine(config);
  const ok = checks.every(({ status }) => status !== "fail");
  if (output.json) output.printJson({ ok, checks });
  else print(output, checks);
  return ok ? 0 : FAILED_EXIT;
}

function print(output: Output, checks: readonly Diagnosis[]): void {
  const width = Math.max(...checks.map(({ name }) => name.length));
  for (const { name, status, message, fix } of checks) {
    const [style, mark] = MARKS[status];
    output.print(`${output.style(style, mark)} ${name.padEnd(width)}  ${printable(message)}`);
    if (fix !== undefined) output.print(`  ${" ".repeat(width)}  ${output.style("dim", "→")} ${printable(fix)}`);
  }
}
