// `chiron db status`: looks beside whoever works on the store, and disturbs nobody.
import type { Config } from "../config/config.ts";
import { ChironError } from "../core/errors.ts";
import { STATES } from "../core/states.ts";
import type { CommandContext } from "./command.ts";
import { formatBytes } from "./value-text.ts";
import type { StoreReport } from "./wiring.ts";
import { shownPath } from "./workflows.ts";

const ORIGINS = {
  genuine: "Absurd's own",
  chiron: "Chiron's, compatible with Absurd",
  none: "not installed yet",
} as const;

export async function status({ wiring, output, config }: CommandContext): Promise<void> {
  const report = await inspect(wiring.inspectStore(config), config);
  if (output.json) return output.printJson({ ok: true, ...documentOf(report) });
  const place = report.kind === "sqlite" ? shownPath(report.location, config.root) : report.location;
  output.print(`store    ${place}`);
  output.print(`kind     ${report.kind} ${report.version}, ${schemaText(report)}`);
  if (report.absurd) {
    const { version, origin } = report.absurd;
    output.print(`absurd   ${version === null ? ORIGINS[origin] : `${version}, ${ORIGINS[origin]}`}`);
  }
  output.print(`size     ${formatBytes(report.bytes)}`);
  output.print(`in use   ${userText(report)}`);
  output.print(`tasks    ${countsText(report.tasks)}`);
  for (const { queue, tasks } of report.queues ?? []) output.print(`  ${queue}: ${countsText(tasks)}`);
  if (report.kind === "sqlite" && config.databaseUrl !== undefined) {
    output.note('DATABASE_URL is set as well: "chiron db status --store postgres" looks there');
  }
}

/** The report, or not_found with what to do. */
export async function inspect(reading: Promise<StoreReport | null>, config: Config): Promise<StoreReport> {
  const report = await reading;
  if (report) return report;
  throw new ChironError("not_found", `there is no store at ${config.storePath}`, {
    hint: '"chiron dev" makes one; another place is named with --db.',
  });
}

function documentOf(report: StoreReport): Record<string, unknown> {
  const { kind, location, version, schema, knownSchema, bytes, tasks, ownerPid } = report;
  const { absurd, queues, claims, connections } = report;
  const seen = { kind, location, version, schema, known_schema: knownSchema, bytes, tasks, owner_pid: ownerPid };
  return kind === "sqlite" ? seen : { ...seen, absurd, queues, claims, connections };
}

function schemaText({ schema, knownSchema }: StoreReport): string {
  if (schema === 0) return "no schema yet";
  if (schema < knownSchema) return `schema ${schema} (the next start brings it to ${knownSchema})`;
  return schema > knownSchema ? `schema ${schema}, newer than this Chiron's ${knownSchema}` : `schema ${schema}`;
}

function userText({ kind, ownerPid, claims = 0, connections = 0 }: StoreReport): string {
  if (kind === "sqlite") return ownerPid === null ? "by nobody" : `by process ${ownerPid}`;
  if (claims === 0 && connections === 0) return "by nobody";
  return `${connections} ${plural("connection", connections)}, ${claims} ${plural("run", claims)} in work`;
}

function plural(noun: string, count: number): string {
  return count === 1 ? noun : `${noun}s`;
}

function countsText(tasks: Readonly<Record<string, number>>): string {
  const counts = STATES.flatMap((state) => (tasks[state] ? [`${tasks[state]} ${state}`] : []));
  return counts.length > 0 ? counts.join(", ") : "none";
}
