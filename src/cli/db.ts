// `chiron db`: the store itself: what is in it, how it is made, whether it is well, and copies of it.
import type { Command } from "commander";
import type { ConfigFlags } from "../config/config.ts";
import { action, withCommonOptions, type CommandDeps, type CommonOptions } from "./command.ts";
import { backup, BACKUP_EXAMPLES, type BackupOptions } from "./db-backup.ts";
import { copy, COPY_EXAMPLES, type CopyOptions } from "./db-copy.ts";
import { examine } from "./db-doctor.ts";
import { dumpSql, migrate, type DumpOptions, type MigrateOptions } from "./db-migrate.ts";
import { status } from "./db-status.ts";

const ABOUT = `
Examples:
  $ chiron db status                                  the store of "chiron dev"
  $ chiron db doctor                                  the server that DATABASE_URL names
  $ chiron db backup backups/monday.db
Which store: status and backup look at the SQLite file unless chiron.toml or --store says postgres; migrate, dump-sql and doctor at
Postgres unless --store or --db says otherwise.`;

export function addDbCommands(program: Command, deps: CommandDeps): void {
  const db = program.command("db").description("look at the store, make it, move it").addHelpText("after", ABOUT);
  withCommonOptions(db.command("status"))
    .description("where the store is, how large, and what is in it")
    .addHelpText("after", "\nExamples:\n  $ chiron db status --json\n  $ chiron db status --store postgres")
    .action(action<CommonOptions>(deps, status));
  withCommonOptions(db.command("migrate"))
    .description("bring the store's schema up to date; a start does the same by itself")
    .option("--dry-run", "print the SQL that would run, and run nothing")
    .addHelpText("after", "\nExamples:\n  $ chiron db migrate --dry-run\n  $ chiron db migrate")
    .action(action<MigrateOptions>(deps, migrate, postgresUnlessSaid));
  withCommonOptions(db.command("dump-sql"))
    .description("print all SQL that a new store is made with; needs no server")
    .option("--schema <name>", "absurd or chiron only (Postgres)")
    .addHelpText("after", "\nExample:\n  $ chiron db dump-sql --schema chiron > chiron.sql")
    .action(action<DumpOptions>(deps, dumpSql, postgresUnlessSaid));
  withCommonOptions(db.command("doctor"))
    .description("look for what would keep a server from working, or make it slow")
    .addHelpText("after", "\nExample:\n  $ chiron db doctor\nThe exit code is 3 when something fails.")
    .action(action<CommonOptions>(deps, examine, postgresUnlessSaid));
  withCommonOptions(db.command("backup <file>"))
    .description("write a consistent copy of an SQLite store, also while a server runs")
    .option("--force", "replace the file when it is there")
    .addHelpText("after", BACKUP_EXAMPLES)
    .action(action<BackupOptions>(deps, (context, options, [file]) => backup(context, options, file!)));
  withCommonOptions(db.command("copy"))
    .description("move everything from one store into another that is empty, and check it there")
    .requiredOption("--from <store>", "sqlite:PATH or postgres://…; sqlite and postgres alone mean the configured ones")
    .requiredOption("--to <store>", "the same; an SQLite file is made when there is none")
    .option("--in-use", "also when some process works on the source")
    .addHelpText("after", COPY_EXAMPLES)
    .action(action<CopyOptions>(deps, copy));
}

/** What these commands are for is a server; a file that is named is meant. */
function postgresUnlessSaid({ db }: CommonOptions): ConfigFlags {
  return { storeDefault: db === undefined ? "postgres" : "sqlite" };
}
