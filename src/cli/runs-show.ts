// `chiron runs show`: everything about one run on a page.
import type { Command } from "commander";
import type { Client } from "./client.ts";
import { action, withCommonOptions, type CommandContext, type CommandDeps, type CommonOptions } from "./command.ts";
import { LogReader } from "./run-follow.ts";
import { resolveRunId } from "./run-id.ts";
import { printRunPage, type RunFacts } from "./run-page.ts";
import { sliceElements } from "../core/json-elements.ts";
import {
  document,
  getMembers,
  getRun,
  runPath,
  wire,
  type Wire,
  type WireAttempt,
  type WireCheckpoint,
  type WireLog,
  type WireRun,
  type WireWait,
} from "./wire-run.ts";
import type { JsonText } from "../core/json-text.ts";
import type { WireEffect } from "./wire-effect.ts";
import { withClient } from "./with-client.ts";

const EXAMPLES = `
Examples:
  $ chiron runs show 3f2a91c07d5e
  $ chiron runs show 3f2a91c07d5e --json | jq '.checkpoints[].name'
An id's last or first characters are enough when there are 8 or more and no other run has them.`;

export function addRunsShowCommand(runs: Command, deps: CommandDeps): void {
  withCommonOptions(runs.command("show <id>"))
    .description("show a run: state, failures, steps, waits, children and log")
    .addHelpText("after", EXAMPLES)
    .action(
      action<CommonOptions>(deps, (context, options, [id]) =>
        withClient(context, options, false, (client) => show(context, client, id!)),
      ),
    );
}

async function show({ output, config }: CommandContext, client: Client, text: string): Promise<void> {
  const facts = await readFacts(client, await resolveRunId(client, text));
  if (output.json) return output.print(jsonOf(facts));
  printRunPage(output, facts, { now: client.now(), root: config.root });
}

async function readFacts(client: Client, id: string): Promise<RunFacts> {
  const logs: Wire<WireLog>[] = [];
  const [run, attempts, recorded, children, outside] = await Promise.all([
    getRun(client, id),
    getMembers(client, runPath(id, "attempts")),
    getMembers(client, runPath(id, "checkpoints")),
    getMembers(client, `${runPath(id, "children")}?limit=100`),
    getMembers(client, `${runPath(id, "effects")}?limit=100`),
    new LogReader(client, id, (line) => logs.push(line)).read(),
  ]);
  return {
    run,
    attempts: elementsOf<WireAttempt>(attempts.get("attempts")),
    checkpoints: elementsOf<WireCheckpoint>(recorded.get("checkpoints")),
    waits: elementsOf<WireWait>(recorded.get("waits")),
    children: elementsOf<WireRun>(children.get("children")),
    effects: elementsOf<WireEffect>(outside.get("effects")),
    logs,
  };
}

function elementsOf<T>(array: JsonText | undefined): Wire<T>[] {
  return array === undefined ? [] : sliceElements(array).map((text) => wire<T>(text));
}

function jsonOf({ run, attempts, checkpoints, waits, children, effects, logs }: RunFacts): string {
  const array = (entries: readonly Wire<unknown>[]): JsonText =>
    `[${entries.map((entry) => entry.text).join(",")}]` as JsonText;
  return document(
    { ok: true },
    {
      run: run.text,
      attempts: array(attempts),
      checkpoints: array(checkpoints),
      waits: array(waits),
      children: array(children),
      effects: array(effects),
      logs: array(logs),
    },
  );
}
