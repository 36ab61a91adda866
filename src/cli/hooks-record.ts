// `chiron hooks record`: deliveries as fixture files, with stand-ins for secrets and people. Nothing is written before a person has seen
// what was replaced.
import fs from "node:fs";
import path from "node:path";
import { createInterface } from "node:readline/promises";
import { createPatch } from "diff";
import type { Command } from "commander";
import { ChironError } from "../core/errors.ts";
import { createFakes, type Fakes } from "../webhooks/fakes.ts";
import { disguise, FIXTURE_SUFFIX, fixtureHeaders, printFixture, type Fixture } from "../webhooks/fixture.ts";
import type { Client } from "./client.ts";
import {
  action,
  wholeNumber,
  withCommonOptions,
  type CommandContext,
  type CommandDeps,
  type CommonOptions,
} from "./command.ts";
import { interruptible } from "./interrupt.ts";
import { printable, type Output } from "./output.ts";
import { serverEvents } from "./sse.ts";
import { bodyOf, findDelivery, type WireDelivery } from "./wire-webhook.ts";
import { withClient } from "./with-client.ts";
import { shownPath } from "./workflows.ts";

interface RecordOptions extends CommonOptions {
  readonly slug?: string;
  readonly out: string;
  readonly name?: string;
  readonly count?: string;
  readonly yes?: boolean;
}

const EXAMPLES = `
Examples:
  $ chiron hooks record last                            the last delivery
  $ chiron hooks record 4be1a0c21f33 --name opened      one that is kept, as fixtures/opened.delivery.json
  $ chiron hooks record --slug github-triage            follow: every delivery from now on, until Ctrl-C
Signatures are left out; "chiron hooks send SLUG --fixture FILE" signs anew.`;

export function addHookRecordCommand(hooks: Command, deps: CommandDeps): void {
  withCommonOptions(hooks.command("record [id]"))
    .description("write deliveries to fixture files, with stand-ins for secrets and personal data")
    .option("--slug <slug>", "only deliveries to this webhook")
    .option("--out <folder>", "where the files go", "fixtures")
    .option("--name <name>", "the file's name (default: made of slug and event)")
    .option("--count <n>", "end after so many")
    .option("--yes", "write without asking")
    .addHelpText("after", EXAMPLES)
    .action(action<RecordOptions>(deps, (context, options, [id]) => record(context, options, id)));
}

async function record(context: CommandContext, options: RecordOptions, id: string | undefined): Promise<void> {
  if (!options.yes && !process.stdin.isTTY) {
    throw new ChironError("bad_request", "nobody is here to look at what was replaced", {
      hint: "Give --yes, and look at the files before they are committed.",
    });
  }
  const count = options.count === undefined ? Infinity : wholeNumber(options.count, "--count", 1, 100_000);
  const recorder = new Recorder(context, options);
  await withClient(context, options, true, async (client) => {
    if (id !== undefined) await recorder.take(client, await findDelivery(client, id, options.slug));
    else await follow(context, options, client, recorder, count);
  });
  recorder.finish();
}

async function follow(
  { output }: CommandContext,
  options: RecordOptions,
  client: Client,
  recorder: Recorder,
  count: number,
): Promise<void> {
  if (client.url === null) {
    throw new ChironError("unavailable", "no server runs here, so nothing will come", {
      hint: 'Start "chiron dev", name a server with --url, or record one that is kept: chiron hooks record last.',
    });
  }
  await interruptible(async (signal) => {
    const response = await client.open("/api/events?types=delivery.received", signal);
    output.note(`waiting for deliveries${options.slug ? ` to ${options.slug}` : ""}; Ctrl-C ends`);
    let taken = 0;
    try {
      for await (const { event, data } of serverEvents(response, signal)) {
        if (event !== "delivery.received") continue;
        const { delivery_id: id, slug } = JSON.parse(data) as { delivery_id: string; slug: string };
        if (options.slug !== undefined && options.slug !== slug) continue;
        await recorder.take(client, await findDelivery(client, id));
        taken += 1;
        if (taken >= count) return;
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  });
}

class Recorder {
  readonly #output: Output;
  readonly #options: RecordOptions;
  readonly #root: string;
  readonly #fakes: Fakes;
  readonly #written: string[] = [];

  constructor({ output, config }: CommandContext, options: RecordOptions) {
    this.#output = output;
    this.#options = options;
    this.#root = config.root;
    this.#fakes = createFakes(config.secrets);
  }

  /** Shows what one delivery would become, and writes it when that is wanted. */
  async take(client: Client, delivery: WireDelivery): Promise<void> {
    const body = await bodyOf(client, delivery.delivery_id);
    if (body.length !== delivery.body_size) {
      this.#output.note(`${delivery.delivery_id} was ${delivery.outcome} and is not kept whole: left out`);
      return;
    }
    const plain = fixtureOf(delivery, body);
    const fixture = disguise(plain, this.#fakes);
    const file = this.#fileFor(fixture);
    if (!this.#output.json) showDiff(this.#output, printFixture(plain), printFixture(fixture));
    if (!this.#options.yes && !(await agreed(`write ${shownPath(file, this.#root)}?`))) return;
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, printFixture(fixture), { flag: "wx" });
    this.#written.push(file);
    if (!this.#output.json) this.#output.print(`wrote ${shownPath(file, this.#root)}`);
  }

  finish(): void {
    if (this.#output.json) this.#output.printJson({ ok: true, files: this.#written });
  }

  /** A name that is free: nothing is written over. */
  #fileFor(fixture: Fixture): string {
    const folder = path.resolve(this.#root, this.#options.out);
    const base = path.join(folder, this.#options.name ?? nameOf(fixture));
    for (let n = 1; ; n += 1) {
      const file = `${base}${n === 1 ? "" : `-${n}`}${FIXTURE_SUFFIX}`;
      if (!fs.existsSync(file)) return file;
    }
  }
}

function fixtureOf({ slug, method, url, headers }: WireDelivery, body: Buffer): Fixture {
  const query = [...new URL(url, "http://localhost").searchParams].filter(([, value]) => value !== "[redacted]");
  return { slug, method, query: new URLSearchParams(query).toString(), headers: fixtureHeaders(headers), body };
}

const EVENT_HEADER = /^x-(?:[a-z]+-)*(?:event|topic|hook-resource)(?:-[a-z]+)*$/;

/** Of the slug and, where the sender tells it, the kind of event. */
function nameOf({ slug, headers, body }: Fixture): string {
  const header = Object.entries(headers).find(([name]) => EVENT_HEADER.test(name))?.[1];
  const told = /^\{.*?"(?:type|event_type|event)"\s*:\s*"([^"]{1,60})"/s.exec(body.toString("utf8", 0, 2_000))?.[1];
  const event = (header ?? told ?? "").replaceAll(/[^A-Za-z0-9._-]+/g, "-").slice(0, 60);
  return [slug, event].filter((part) => part).join("-");
}

function showDiff(output: Output, before: string, after: string): void {
  if (before === after) return output.note("nothing had to be replaced");
  const patch = createPatch("delivery", before, after, "as it came", "as it is written");
  for (const line of patch.split("\n").slice(2)) {
    const text = printable(line);
    if (line.startsWith("-")) output.print(output.style("red", text));
    else if (line.startsWith("+")) output.print(output.style("green", text));
    else if (line.startsWith(" ")) output.print(text);
  }
}

async function agreed(question: string): Promise<boolean> {
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(?:es)?$/i.test((await lines.question(`${question} [y/N] `)).trim());
  } finally {
    lines.close();
  }
}
