// `chiron hooks send`: one delivery as its sender would send it, or wrong in a named way.
import fs from "node:fs";
import { Option, type Command } from "commander";
import { ChironError, messageOf } from "../core/errors.ts";
import { providerOf, type WebhookAuth } from "../webhooks/auth.ts";
import { parseFixture } from "../webhooks/fixture.ts";
import type { HookRequest, Provider, Sample } from "../webhooks/provider.ts";
import { isProviderName, providerNamed } from "../webhooks/providers.ts";
import { SIGN_MODES, type SignMode } from "../webhooks/sign-mode.ts";
import type { Client } from "./client.ts";
import {
  action,
  wholeNumber,
  withCommonOptions,
  type CommandContext,
  type CommandDeps,
  type CommonOptions,
} from "./command.ts";
import { deliver, renewed, signFor, targetOf, withSecret } from "./hook-signer.ts";
import { printAnswers } from "./hook-answers.ts";
import { sampleNamed } from "./hooks-samples.ts";
import { findWebhook, type WireWebhook } from "./wire-webhook.ts";
import { withClient } from "./with-client.ts";

export interface SendOptions extends CommonOptions {
  readonly sample?: string;
  readonly body?: string;
  readonly fixture?: string;
  readonly header: readonly string[];
  readonly query?: string;
  readonly method?: string;
  readonly sign: SignMode;
  readonly secret?: string;
  readonly repeat: string;
  readonly newId?: boolean;
  readonly to?: string;
}

const EXAMPLES = `
Examples:
  $ chiron hooks send github-triage                                 the sender's first sample, signed
  $ chiron hooks send github-triage --sample push --repeat 3        one run, and the same answer twice
  $ chiron hooks send orders --body '{"id": 7}' --header 'X-Event: paid'
  $ chiron hooks send orders --body @order.json --sign tampered     must be refused
  $ chiron hooks send orders --fixture fixtures/paid.delivery.json
  $ chiron hooks send orders --to https://flows.example.com --secret ORDERS_SECRET_PRODUCTION
Exit code 3: an answer was not 2xx.`;

export function addHookSendCommand(hooks: Command, deps: CommandDeps): void {
  withCommonOptions(hooks.command("send <slug>"))
    .description("send a delivery, signed with the webhook's own secret from the environment or .env")
    .option("--sample <name>", "a sample of the sender, or sender/name; see chiron hooks samples")
    .option("--body <text>", "the body as it is, or @file; - for standard input")
    .option("--fixture <file>", "a delivery as a file, as chiron hooks record writes them")
    .option("--header <name: value>", "another header; may be given several times", collect, [])
    .option("--query <query>", "a query for the address")
    .option("--method <method>", "the method (default: POST, or what the webhook allows)")
    .addOption(new Option("--sign <how>", "how it is signed").choices(SIGN_MODES).default("auto"))
    .option("--secret <name>", "the variable with the secret that signs (default: the webhook's own)")
    .option("--repeat <n>", "send the same delivery so many times", "1")
    .option("--new-id", "give it a new delivery id, as samples always get")
    .option("--to <url>", "another server, or the whole address of a webhook there")
    .addHelpText("after", EXAMPLES)
    .action(action<SendOptions>(deps, (context, options, [slug]) => send(context, options, slug!)));
}

export function collect(value: string, before: readonly string[]): string[] {
  return [...before, value];
}

async function send(context: CommandContext, options: SendOptions, slug: string): Promise<number> {
  const { config, output } = context;
  const times = wholeNumber(options.repeat, "--repeat", 1, 10_000);
  return withClient(context, options, true, async (client) => {
    const hook = await findWebhook(client, slug);
    const auth = withSecret(hook.signing, options.secret);
    const content = await contentOf(options, hook, auth);
    const address = addressOf(client, options, hook, config.webhooks.publicUrl);
    const shaped = shape(options, hook, content, address.signed);
    const fresh = options.newId || content.isSample ? renewed(shaped, auth, hook) : shaped;
    const request = withHeaders(signFor(config, options.sign, fresh, auth), options.header);
    const sent = { ...request, url: request.url.replace(address.signed, address.sent) };
    const through = options.to === undefined ? client : { ...client, local: null };
    const answers = [];
    for (let n = 0; n < times; n += 1) answers.push(await deliver(through, sent));
    return printAnswers(output, answers, client.url === null && options.to === undefined);
  });
}

interface Content {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  readonly query: string;
  readonly method: string | null;
  readonly isSample: boolean;
}

async function contentOf(options: SendOptions, hook: WireWebhook, auth: WebhookAuth): Promise<Content> {
  const given = (["sample", "body", "fixture"] as const).filter((name) => options[name] !== undefined);
  if (given.length > 1) {
    throw new ChironError("bad_request", `${given.map((name) => `--${name}`).join(" and ")} were both given`, {
      hint: "Give one of them.",
    });
  }
  if (options.fixture !== undefined) {
    const { headers, body, query, method } = parseFixture(readBytes(options.fixture).toString("utf8"), options.fixture);
    return { headers, body, query, method, isSample: false };
  }
  if (options.body !== undefined) {
    const body = await readBodyOption(options.body);
    return { headers: { "content-type": typeFor(hook, body) }, body, query: "", method: null, isSample: false };
  }
  const { headers, body } = sampleFor(options.sample, hook, auth);
  return { headers, body: Buffer.from(body), query: "", method: null, isSample: true };
}

/** JSON when it is, else what the webhook takes. */
function typeFor(hook: WireWebhook, body: Buffer): string {
  const types = hook.allowed_content_types;
  const looksJson = /^\s*[[{"]/.test(body.toString("latin1", 0, 200));
  const form = types.find((type) => !type.includes("json"));
  return looksJson || form === undefined ? (types.find((type) => type.includes("json")) ?? types[0] ?? "") : form;
}

const GENERIC: Sample = {
  name: "json",
  headers: { "content-type": "application/json" },
  body: '{"event":"sample","id":"evt_1","data":{"hello":"world"}}',
};

function sampleFor(wanted: string | undefined, hook: WireWebhook, auth: WebhookAuth): Sample {
  const slash = wanted?.indexOf("/") ?? -1;
  if (wanted !== undefined && slash > 0) {
    const sender = wanted.slice(0, slash);
    if (isProviderName(sender)) return sampleNamed(providerNamed(sender), wanted.slice(slash + 1));
  }
  const provider = senderOf(hook, auth);
  return provider === null && wanted === undefined ? GENERIC : sampleNamed(provider ?? NOBODY, wanted);
}

const NOBODY = { title: "A webhook without a known sender", samples: [GENERIC] } as unknown as Provider;

function senderOf(hook: WireWebhook, auth: WebhookAuth): Provider | null {
  const named = hook.provider?.toLowerCase() ?? "";
  return isProviderName(named) ? providerNamed(named) : providerOf(auth);
}

/** Where it goes, and how its sender would call that place: some sign the address. */
function addressOf(client: Client, options: SendOptions, hook: WireWebhook, publicUrl: string | null) {
  if (options.to !== undefined) {
    const secret = options.sign === "none" || hook.auth === "none" ? "" : options.secret;
    const to = new URL(targetOf(options.to, hook.slug, secret));
    return { sent: to.origin + to.pathname, signed: to.origin + to.pathname };
  }
  const sent = (client.url ?? "http://localhost") + hook.path;
  return { sent, signed: publicUrl === null ? sent : publicUrl + hook.path };
}

function shape(options: SendOptions, hook: WireWebhook, content: Content, address: string): HookRequest {
  const query = (options.query ?? content.query).replace(/^\?/, "");
  const usual = hook.allowed_methods.includes("POST") ? "POST" : (hook.allowed_methods[0] ?? "POST");
  return {
    method: (options.method ?? content.method ?? usual).toUpperCase(),
    url: query === "" ? address : `${address}?${query}`,
    headers: withHeaders(content, options.header).headers,
    body: content.body,
  };
}

/** Later ones win, also over the signature: that is how a header is spoilt on purpose. */
export function withHeaders<T extends { readonly headers: Readonly<Record<string, string>> }>(
  request: T,
  given: readonly string[],
): T {
  const more = given.map((text) => {
    const match = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+)\s*:\s*(.*)$/.exec(text);
    if (!match)
      throw new ChironError("bad_request", `${text} is not a header`, { hint: "Write --header 'Name: value'." });
    return [match[1]!.toLowerCase(), match[2]!] as const;
  });
  return { ...request, headers: { ...request.headers, ...Object.fromEntries(more) } };
}

export async function readBodyOption(text: string): Promise<Buffer> {
  if (text === "-") return readStandardInput();
  return text.startsWith("@") ? readBytes(text.slice(1)) : Buffer.from(text);
}

export async function readStandardInput(): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

export function readBytes(file: string): Buffer {
  try {
    return fs.readFileSync(file);
  } catch (error) {
    throw new ChironError("bad_request", `${file} cannot be read: ${messageOf(error)}`);
  }
}
