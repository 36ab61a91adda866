// `chiron schedules fire|pause|resume|backfill`: a person's hand on a schedule.
import type { Command } from "commander";
import {
  action,
  withCommonOptions,
  wholeNumber,
  type CommandContext,
  type CommandDeps,
  type CommonOptions,
} from "./command.ts";
import { readJsonOption } from "./json-option.ts";
import { localZone, readMoment, readZone } from "./moment-option.ts";
import { shortId } from "./run-id.ts";
import { document } from "./wire-run.ts";
import type { WireScheduleState } from "./wire-schedule.ts";
import { withClient } from "./with-client.ts";
import { zonedTime } from "./zoned-time.ts";

interface FireOptions extends CommonOptions {
  readonly input?: string;
  readonly inputFile?: string;
  readonly key?: string;
}

interface BackfillOptions extends CommonOptions {
  readonly from: string;
  readonly to: string;
  readonly zone?: string;
  readonly limit: string;
  readonly dryRun?: boolean;
}

export function addScheduleActions(schedules: Command, deps: CommandDeps): void {
  withCommonOptions(schedules.command("fire <id>"))
    .description("start a schedule's workflow now, beside its occurrences; a paused one too")
    .option("--input <json>", "fields that win over those of the schedule's input, as JSON or @file")
    .option("--input-file <path>", "a file with them; - reads standard input")
    .option("--key <key>", "fire at most once with this key")
    .addHelpText("after", '\nExample:\n  $ chiron schedules fire nightly-report --input \'{"day": "2026-03-01"}\'')
    .action(action<FireOptions>(deps, (context, options, [id]) => fire(context, options, id!)));
  withCommonOptions(schedules.command("pause <id>"))
    .description("skip a schedule's occurrences, on record, until it is resumed; reloads and restarts keep it paused")
    .addHelpText("after", "\nExample:\n  $ chiron schedules pause nightly-report")
    .action(action<CommonOptions>(deps, (context, options, [id]) => hold(context, options, id!, "pause")));
  withCommonOptions(schedules.command("resume <id>"))
    .description("let a paused schedule fire again, from its next occurrence on")
    .addHelpText("after", "\nExample:\n  $ chiron schedules resume nightly-report")
    .action(action<CommonOptions>(deps, (context, options, [id]) => hold(context, options, id!, "resume")));
  withCommonOptions(schedules.command("backfill <id>"))
    .description("fire the occurrences of a past range that were never fired")
    .requiredOption("--from <time>", "first time: RFC 3339, a wall time of --zone, or -7d")
    .requiredOption("--to <time>", "end, itself not in the range; not in the future")
    .option("--zone <zone>", "zone of times without an offset (default: the schedule's)")
    .option("--limit <n>", "most occurrences", "100")
    .option("--dry-run", "only show what would be fired")
    .addHelpText(
      "after",
      "\nExample:\n  $ chiron schedules backfill nightly-report --from 2026-03-01 --to 2026-03-08 --dry-run",
    )
    .action(action<BackfillOptions>(deps, (context, options, [id]) => backfill(context, options, id!)));
}

const place = (id: string): string => `/api/workflows/schedules/${encodeURIComponent(id)}`;
const NO_SERVER = 'no server runs here: "chiron dev" will run it';

async function fire(context: CommandContext, options: FireOptions, id: string): Promise<void> {
  const input = await readJsonOption({ inline: options.input, file: options.inputFile, option: "--input" });
  const body = document(
    options.key === undefined ? {} : { idempotency_key: options.key },
    input === null ? {} : { input },
  );
  const { output } = context;
  await withClient(context, options, true, async (client) => {
    const answer = await client.post(`${place(id)}/fire`, body);
    if (output.json) return output.printJson(answer);
    const { run_id, created } = answer as { run_id: string; created: boolean };
    output.print(created ? `fired ${id}: ${run_id}` : `${id} was fired with this key before: ${run_id}`);
    if (client.url === null) output.note(NO_SERVER);
    output.note(`see it with: chiron runs show ${shortId(run_id)}`);
  });
}

async function hold(
  context: CommandContext,
  options: CommonOptions,
  id: string,
  verb: "pause" | "resume",
): Promise<void> {
  const { output } = context;
  await withClient(context, options, true, async (client) => {
    const answer = await client.post(`${place(id)}/${verb}`);
    if (output.json) return output.printJson(answer);
    const { schedule } = answer as unknown as { schedule: WireScheduleState };
    const next =
      schedule.next_at === null ? "" : `; next ${zonedTime(Date.parse(schedule.next_at), schedule.timezone)}`;
    output.print(verb === "pause" ? `paused ${id}` : `resumed ${id}${next}`);
  });
}

interface WireBackfill {
  readonly dry_run: boolean;
  readonly truncated: boolean;
  readonly occurrences: readonly {
    readonly at: string;
    readonly status: "fired" | "held" | "exists" | "planned";
    readonly task_id: string | null;
  }[];
}

async function backfill(context: CommandContext, options: BackfillOptions, id: string): Promise<void> {
  const { output } = context;
  const limit = wholeNumber(options.limit, "--limit", 1, 1_000);
  await withClient(context, options, true, async (client) => {
    const shown = (await client.get(place(id))) as unknown as { now: string; schedule: WireScheduleState };
    const { timezone } = shown.schedule;
    const zone =
      options.zone === undefined ? timezone : options.zone === "local" ? localZone() : readZone(options.zone, "--zone");
    const reading = { now: Date.parse(shown.now), zone };
    const at = (text: string, name: string): string => new Date(readMoment(text, name, reading)).toISOString();
    const body = {
      from: at(options.from, "--from"),
      to: at(options.to, "--to"),
      limit,
      dry_run: options.dryRun === true,
    };
    const answer = await client.post(`${place(id)}/backfill`, JSON.stringify(body));
    if (output.json) return output.printJson(answer);
    const { occurrences, truncated } = answer as unknown as WireBackfill;
    if (occurrences.length === 0) return output.print("no occurrence lies in this range");
    output.table(
      ["TIME", "STATUS", "RUN"],
      occurrences.map((one) => [
        zonedTime(Date.parse(one.at), timezone),
        one.status,
        one.task_id === null ? "" : shortId(one.task_id),
      ]),
    );
    if (truncated) output.note(`the newest were left out: more than ${limit} lie in the range; see --limit`);
    if (!options.dryRun && client.url === null) output.note(NO_SERVER);
  });
}
