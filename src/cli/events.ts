// `chiron events emit`: sends an event to whoever waits for it, now or later.
import type { Command } from "commander";
import { ChironError } from "../core/errors.ts";
import { pythonEventName } from "../core/keys.ts";
import { action, withCommonOptions, type CommandContext, type CommandDeps, type CommonOptions } from "./command.ts";
import { readJsonOption } from "./json-option.ts";
import { printable } from "./output.ts";
import { document } from "./wire-run.ts";
import { withClient } from "./with-client.ts";

interface EmitOptions extends CommonOptions {
  readonly payload?: string;
  readonly payloadFile?: string;
  readonly type?: string;
  readonly id?: string;
}

const EXAMPLES = `
Examples:
  $ chiron events emit --type order.confirmed --id 42 --payload '{"total": 12}'
        wakes: await ctx.wait_for_event("confirmed", "order.confirmed", "42")
  $ chiron events emit deploy-finished
The first emit of an event stands; a later one changes nothing.`;

export function addEventsCommands(program: Command, deps: CommandDeps): void {
  const events = program
    .command("events")
    .description("send events to waiting runs")
    .addHelpText("after", "\nExample:\n  $ chiron events emit --type order.confirmed --id 42");
  withCommonOptions(events.command("emit [name]"))
    .description("emit an event by its full name, or by --type and --id")
    .option("--type <type>", "the event type that ctx.wait_for_event names")
    .option("--id <id>", "the correlation id that ctx.wait_for_event names")
    .option("--payload <json>", "the payload as JSON, or @file (default null)")
    .option("--payload-file <path>", "a file with the payload; - reads standard input")
    .addHelpText("after", EXAMPLES)
    .action(action<EmitOptions>(deps, (context, options, [name]) => emit(context, options, name)));
}

async function emit(context: CommandContext, options: EmitOptions, name: string | undefined): Promise<void> {
  const eventName = eventNameOf(name, options);
  const payload = await readJsonOption({ inline: options.payload, file: options.payloadFile, option: "--payload" });
  const body = document({ event_name: eventName }, payload === null ? {} : { payload });
  const { output } = context;
  await withClient(context, options, false, async (client) => {
    const answer = await client.post("/api/workflows/events", body);
    if (output.json) return output.printJson(answer);
    const { first, woken } = answer as { first: boolean; woken: number };
    if (!first) return output.print(`${printable(eventName)} was emitted before; the first payload stands`);
    const runs = woken === 1 ? "1 run" : `${woken} runs`;
    output.print(`emitted ${printable(eventName)}; ${woken === 0 ? "nobody waits for it yet" : `${runs} woken`}`);
    if (client.url === null && woken > 0) output.note('no server runs here: "chiron dev" will run them');
  });
}

/** Exactly one of the two ways to name an event. Throws bad_request. */
export function eventNameOf(name: string | undefined, options: Pick<EmitOptions, "type" | "id">): string {
  const { type, id } = options;
  if (name !== undefined && type === undefined && id === undefined) return name;
  if (name === undefined && type !== undefined && id !== undefined) return pythonEventName(type, id);
  throw new ChironError("bad_request", "give either the event's full name, or both --type and --id", {
    hint: 'For ctx.wait_for_event("step", "order.confirmed", "42"): chiron events emit --type order.confirmed --id 42',
  });
}
