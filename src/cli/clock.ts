// `chiron clock`: the time of a dev engine, shown and moved.
import type { Command } from "commander";
import { formatDuration, parseDuration } from "../core/duration.ts";
import { ChironError } from "../core/errors.ts";
import type { Client } from "./client.ts";
import {
  action,
  withCommonOptions,
  wholeNumber,
  type CommandContext,
  type CommandDeps,
  type CommonOptions,
} from "./command.ts";
import { clockLine } from "./event-lines.ts";
import { localZone, readMoment, readZone } from "./moment-option.ts";
import { moment } from "./when.ts";
import { withClient } from "./with-client.ts";

interface MoveOptions extends CommonOptions {
  readonly freeze?: boolean;
  readonly run?: boolean;
  readonly jump?: boolean;
  readonly zone?: string;
  readonly count?: string;
}

interface WireClock {
  readonly mode: "real" | "running" | "frozen";
  readonly now: string;
  readonly real_now: string;
  readonly offset_ms: number;
  readonly movable: boolean;
  readonly next_due_at: string | null;
}

interface WireMoved extends WireClock {
  readonly done: boolean;
  readonly target: string;
  readonly stops: number;
  readonly busy: number;
}

/** The clock is what these commands print. */
const TELLS_ITSELF = { tellClock: false };

const EXAMPLES = `
Examples:
  $ chiron clock now
  $ chiron clock advance 7d               a week, stopping wherever something is due
  $ chiron clock set "2026-03-08 01:55" --zone America/New_York --freeze
  $ chiron clock next                     to whatever is due next
  $ chiron clock follow                   back to the machine's time
Sleeps, timeouts, back-off, leases and schedules move together, in "chiron dev" with its state in SQLite. Code in
workflows that asks Python for the time gets the machine's.`;

export function addClockCommands(program: Command, deps: CommandDeps): void {
  const clock = program
    .command("clock")
    .description("show and move the time of a dev engine")
    .addHelpText("after", EXAMPLES);
  withCommonOptions(clock.command("now"))
    .description("show what the clock shows, and when something becomes due next")
    .addHelpText("after", "\nExample:\n  $ chiron clock now --json")
    .action(
      action<CommonOptions>(deps, (context, options) =>
        withClient(context, options, false, (client) => now(context, client), TELLS_ITSELF),
      ),
    );
  moving(clock.command("set <time>"))
    .description("move to a time: RFC 3339, a wall time of --zone, now, +7d or -36h")
    .option("--zone <zone>", "zone of a time without an offset (default: this machine's)")
    .addHelpText(
      "after",
      '\nExamples:\n  $ chiron clock set "2026-03-08 01:55" --zone America/New_York --freeze\n  $ chiron clock set 2027-01-01T00:00:00Z --jump',
    )
    .action(action<MoveOptions>(deps, set));
  moving(clock.command("advance <duration>"))
    .description("move forward by 90s, 15m, 36h, 7d, ...")
    .addHelpText("after", "\nExample:\n  $ chiron clock advance 7d")
    .action(action<MoveOptions>(deps, (context, options, [text]) => advance(context, options, text!)));
  withCommonOptions(clock.command("next"))
    .description("move to the next moment at which something is due")
    .option("--count <n>", "so many times", "1")
    .option("--freeze", "stand still afterwards")
    .addHelpText("after", "\nExample:\n  $ chiron clock next --count 5")
    .action(action<MoveOptions>(deps, next));
  withCommonOptions(clock.command("follow"))
    .description("follow the machine's time again")
    .addHelpText("after", "\nExample:\n  $ chiron clock follow")
    .action(action<CommonOptions>(deps, (context, options) => move(context, options, () => ({ action: "follow" }))));
}

function moving(command: Command): Command {
  return withCommonOptions(command)
    .option("--freeze", "stand still afterwards (default: as before; at first the clock runs on)")
    .option("--run", "run on afterwards")
    .option("--jump", "straight there: what was due on the way is late, as after a downtime");
}

async function now({ output }: CommandContext, client: Client): Promise<void> {
  const clock = (await client.get("/api/clock")) as unknown as WireClock;
  if (output.json) return output.printJson(clock);
  output.print(stateLine(clock));
  if (clock.next_due_at !== null) output.print(`next due ${moment(clock.next_due_at, Date.parse(clock.now))}`);
  else if (clock.movable) output.print("nothing will become due by itself");
  if (!clock.movable) output.note('this clock cannot be moved: only that of "chiron dev" on SQLite can');
}

function stateLine(clock: WireClock): string {
  if (clock.mode === "real") return `${clock.now} (the machine's time)`;
  return clockLine({ mode: clock.mode, now: Date.parse(clock.now), offsetMs: clock.offset_ms });
}

function set(context: CommandContext, options: MoveOptions, [text]: readonly string[]): Promise<void> {
  const zone = options.zone === undefined ? localZone() : readZone(options.zone, "--zone");
  return move(context, options, (shown) => {
    const to = readMoment(text!, "time", { now: shown, zone });
    return { action: "set", to: new Date(to).toISOString(), ...flagsOf(options) };
  });
}

function advance(context: CommandContext, options: MoveOptions, text: string): Promise<void> {
  const ms = parseDuration(text);
  if (ms === null) {
    throw new ChironError("bad_request", `${text} is not a duration`, { hint: "Write 90s, 15m, 36h or 7d." });
  }
  return move(context, options, () => ({ action: "advance", by: text, ...flagsOf(options) }));
}

async function next(context: CommandContext, options: MoveOptions): Promise<void> {
  const count = wholeNumber(options.count ?? "1", "--count", 1, 10_000);
  await withClient(
    context,
    options,
    false,
    async (client) => {
      for (let index = 0; index < count; index += 1) {
        report(context, await walk(context, client, { action: "next", ...flagsOf(options) }));
      }
    },
    TELLS_ITSELF,
  );
}

function flagsOf({ freeze, run, jump }: MoveOptions): { readonly freeze?: boolean; readonly jump?: boolean } {
  if (freeze && run) throw new ChironError("bad_request", "--freeze and --run cannot both be");
  return { ...(freeze || run ? { freeze: freeze === true } : {}), ...(jump ? { jump } : {}) };
}

type Asked = Readonly<Record<string, unknown>>;

/** `ask` gets the engine's time. */
async function move(context: CommandContext, options: CommonOptions, ask: (now: number) => Asked): Promise<void> {
  await withClient(
    context,
    options,
    false,
    async (client) => {
      const clock = (await client.get("/api/clock")) as unknown as WireClock;
      report(context, await walk(context, client, ask(Date.parse(clock.now))));
    },
    TELLS_ITSELF,
  );
}

/** A long walk takes several requests; each stops where its time is up. */
async function walk({ output }: CommandContext, client: Client, asked: Asked): Promise<WireMoved> {
  let stops = 0;
  for (let body = asked; ;) {
    const moved = (await client.post("/api/clock", JSON.stringify(body))) as unknown as WireMoved;
    stops += moved.stops;
    if (moved.done) return { ...moved, stops };
    const left = Date.parse(moved.target) - Date.parse(moved.now);
    output.note(`${stateLine(moved)}; ${formatDuration(left)} to go`);
    body = { ...flagsIn(asked), action: "set", to: moved.target };
  }
}

function flagsIn({ freeze }: Asked): Asked {
  return freeze === undefined ? {} : { freeze };
}

function report({ output }: CommandContext, moved: WireMoved): void {
  if (output.json) return output.printJson(moved);
  const { stops, busy, next_due_at } = moved;
  const told = [
    ...(stops > 0 ? [`stopped ${stops === 1 ? "once" : `${stops} times`} on the way`] : []),
    ...(busy > 0 ? [`${busy === 1 ? "1 run is" : `${busy} runs are`} still at work`] : []),
    ...(next_due_at === null ? [] : [`next due ${moment(next_due_at, Date.parse(moved.now))}`]),
  ];
  output.print([stateLine(moved), ...told].join("; "));
}
