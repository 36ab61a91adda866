// `chiron db copy`: moves a store's contents to another place, SQLite or Postgres, and checks them there before they are kept.
import path from "node:path";
import type { Config } from "../config/config.ts";
import { ChironError } from "../core/errors.ts";
import type { TransferKind } from "../ports/store-transfer.ts";
import { copyStore, type CopiedKind } from "../store-copy/copy-store.ts";
import type { CommandContext, CommonOptions } from "./command.ts";
import type { StoreAddress } from "./database-tools.ts";
import type { Output } from "./output.ts";

export interface CopyOptions extends CommonOptions {
  readonly from: string;
  readonly to: string;
  readonly inUse?: boolean;
}

export const COPY_EXAMPLES = `
Examples:
  $ chiron db copy --from sqlite:.chiron/chiron.db --to postgres://chiron@db/chiron
  $ chiron db copy --from postgres --to sqlite:export.db         DATABASE_URL, so that no password is on the command line
Tasks, runs, checkpoints, waits, events, start keys, logs, code, effects and deliveries are copied as of one moment; API keys are not. A run that is in work is
pending in the copy. The target must be empty, and keeps nothing unless everything arrived: an interrupted copy is started again.`;

const WORDS: Record<TransferKind, string> = {
  tasks: "tasks",
  runs: "runs",
  checkpoints: "checkpoints",
  waits: "waits",
  events: "events",
  startKeys: "start keys",
  logs: "log lines",
  sources: "source files",
  generations: "generations of code",
  effects: "effects",
  schedules: "schedules",
  occurrences: "occurrences of schedules",
  deliveries: "webhook deliveries",
  deliveryKeys: "delivery keys",
};

/** Rows between two lines of progress. */
const STRIDE = 50_000;

export async function copy({ wiring, output, config }: CommandContext, options: CopyOptions): Promise<void> {
  const from = addressOf("--from", options.from, config);
  const to = addressOf("--to", options.to, config);
  if (from.kind === to.kind && from.place === to.place) {
    throw new ChironError("bad_request", "--from and --to are the same store");
  }
  const source = await wiring.database.openSource(from);
  try {
    refuseUsed(source.user, source.location, options.inUse ?? false, output);
    const target = await wiring.database.openTarget(to);
    try {
      const copied = await copyStore(source, target, progress(output));
      report(output, copied, source.location, target.location);
    } finally {
      await target.close();
    }
  } finally {
    await source.close();
  }
}

/** "sqlite:PATH", a connection string, or the name of a kind for the configured place of it. */
function addressOf(option: string, text: string, config: Config): StoreAddress {
  if (/^postgres(?:ql)?:\/\//.test(text)) return { kind: "postgres", place: text };
  if (text === "sqlite") return { kind: "sqlite", place: config.storePath };
  if (text === "postgres") {
    if (config.databaseUrl !== undefined) return { kind: "postgres", place: config.databaseUrl };
    throw new ChironError("config_invalid", `${option} postgres: DATABASE_URL is not set`, {
      hint: "Set it, or give the whole address: postgres://user@host/database.",
    });
  }
  const file = /^sqlite:(?:\/\/)?(.+)$/.exec(text)?.[1];
  if (file !== undefined) return { kind: "sqlite", place: path.resolve(config.root, file) };
  throw new ChironError("bad_request", `${option} does not understand ${withoutPassword(text)}`, {
    hint: "Stores: sqlite:PATH, postgres://user@host/database, sqlite, postgres.",
  });
}

function withoutPassword(text: string): string {
  return text.replace(/:[^:@/]*@/, ":…@");
}

/** Two engines on the same work would do everything twice. */
function refuseUsed(user: string | null, location: string, allowed: boolean, output: Output): void {
  if (user === null) return;
  if (!allowed) {
    throw new ChironError("store_owned", `the store ${location} is in use by ${user}`, {
      hint: "Stop it first: both stores would work on the same runs. Only for a look at the copy: --in-use.",
    });
  }
  output.note(`note: ${location} is in use by ${user}; do not start an engine on the copy while it goes on`);
}

function progress(output: Output): (kind: TransferKind, rows: number) => void {
  let said = 0;
  return (kind, rows) => {
    if (rows < said) said = 0;
    if (rows - said < STRIDE) return;
    said = rows;
    output.note(`${rows} ${WORDS[kind]} …`);
  };
}

function report(output: Output, copied: readonly CopiedKind[], from: string, to: string): void {
  if (output.json) return output.printJson({ ok: true, from, to, copied });
  for (const { kind, rows, digest } of copied)
    output.print(`${String(rows).padStart(9)} ${WORDS[kind].padEnd(11)}  ${digest.slice(0, 16)}`);
  output.print(`copied ${from} to ${to}; counts and digests are equal`);
}
