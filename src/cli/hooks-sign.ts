// `chiron hooks sign` and `verify`: the signature of a file, made and checked without a server.
import type { Command } from "commander";
import { ChironError, errorInfo } from "../core/errors.ts";
import { providerOf, secretRefsOf, type WebhookAuth } from "../webhooks/auth.ts";
import type { HookRequest } from "../webhooks/provider.ts";
import { nearMisses } from "../webhooks/near-misses.ts";
import { connect, type Client } from "./client.ts";
import { action, withCommonOptions, type CommandContext, type CommandDeps, type CommonOptions } from "./command.ts";
import { authOf, signFor } from "./hook-signer.ts";
import { collect, readBytes, readStandardInput, withHeaders } from "./hooks-send.ts";
import { readMoment, localZone } from "./moment-option.ts";
import { printable } from "./output.ts";

interface SignOptions extends CommonOptions {
  readonly secret?: string;
  readonly header: readonly string[];
  readonly address: string;
  readonly method: string;
  readonly at?: string;
}

const SIGN_EXAMPLES = `
Examples:
  $ chiron hooks sign github body.json --secret GITHUB_WEBHOOK_SECRET      prints the headers to send
  $ chiron hooks sign github-triage body.json                              a webhook of this project, with its secret
  $ curl -X POST --data-binary @body.json -H "$(chiron hooks sign github body.json --secret S)" https://…`;
const VERIFY_EXAMPLES = `
Examples:
  $ chiron hooks verify github body.json --secret S --header 'X-Hub-Signature-256: sha256=…'
  $ chiron hooks verify stripe body.json --secret S --header 'Stripe-Signature: t=…' --at 2026-03-01T12:00:00Z
Exit code 3: it does not verify.`;

export function addHookSignCommands(hooks: Command, deps: CommandDeps): void {
  withFile(hooks.command("sign <webhook-or-sender> [file]"))
    .description("print the headers that sign a file (or standard input), as this sender signs")
    .addHelpText("after", SIGN_EXAMPLES)
    .action(action<SignOptions>(deps, (context, options, [name, file]) => sign(context, options, name!, file)));
  withFile(hooks.command("verify <webhook-or-sender> [file]"))
    .description("check the signature of a file (or standard input) as the endpoint does, and say what is wrong")
    .option("--at <time>", "the moment it came, for signatures with a time (default: now)")
    .addHelpText("after", VERIFY_EXAMPLES)
    .action(action<SignOptions>(deps, (context, options, [name, file]) => verify(context, options, name!, file)));
}

function withFile(command: Command): Command {
  return withCommonOptions(command)
    .option("--secret <name>", "the variable with the secret; needed for a sender, else the webhook's own")
    .option("--header <name: value>", "a header of the delivery; may be given several times", collect, [])
    .option("--address <url>", "the address as the sender calls it; some sign it", "http://localhost/")
    .option("--method <method>", "the method", "POST");
}

interface Asked {
  readonly auth: WebhookAuth;
  readonly request: HookRequest;
}

async function read(context: CommandContext, options: SignOptions, name: string, file?: string): Promise<Asked> {
  let client: Client | null = null;
  const local = { work: false, load: true };
  const url = options.url ? { url: options.url } : {};
  try {
    const ask = async (): Promise<Client> =>
      (client = await connect(context.wiring, context.config, { ...url, local }));
    const { auth } = await authOf(name, options.secret, ask);
    if (auth.type === "none")
      throw new ChironError("bad_request", `${name} takes deliveries from anyone: nothing signs them`);
    const body = file === undefined || file === "-" ? await readStandardInput() : readBytes(file);
    const bare: HookRequest = { method: options.method.toUpperCase(), url: options.address, headers: {}, body };
    return { auth, request: withHeaders(bare, options.header) };
  } finally {
    await (client as Client | null)?.close();
  }
}

async function sign(context: CommandContext, options: SignOptions, name: string, file?: string): Promise<void> {
  const { output, config } = context;
  const { auth, request } = await read(context, options, name, file);
  const signed = signFor(config, "auto", request, auth);
  const added = Object.entries(signed.headers).filter(([header]) => request.headers[header] !== signed.headers[header]);
  const url = signed.url === request.url ? null : signed.url;
  const body = signed.body.equals(request.body) ? null : signed.body.toString("utf8");
  if (output.json) return output.printJson({ ok: true, headers: Object.fromEntries(added), url, body });
  for (const [header, value] of added) output.print(`${header}: ${value}`);
  if (url !== null) output.print(url);
  if (body !== null) {
    output.note("the time of signing stands in the body; send this one:");
    output.print(body);
  }
}

async function verify(context: CommandContext, options: SignOptions, name: string, file?: string): Promise<number> {
  const { output, config } = context;
  const { auth, request } = await read(context, options, name, file);
  const provider = providerOf(auth)!;
  const reading = { now: Date.now(), zone: localZone() };
  const nowMs = options.at === undefined ? Date.now() : readMoment(options.at, "--at", reading);
  const usable = secretRefsOf(auth).filter((one) => (config.env[one]?.trim() ?? "") !== "");
  if (usable.length === 0) throw new ChironError("bad_request", `none of ${secretRefsOf(auth).join(", ")} is set here`);
  const verdicts = usable.map((one) => ({ name: one, ...provider.verify(request, config.env[one]!.trim(), nowMs) }));
  const fits = verdicts.find(({ ok }) => ok);
  const misses = fits
    ? []
    : nearMisses({ auth, request, nowMs, secret: (one) => config.env[one], otherNames: Object.keys(config.env) });
  if (output.json)
    output.printJson({ ok: fits !== undefined, secret: fits?.name ?? null, verdicts, near_misses: misses });
  else if (fits) output.print(`verified with ${fits.name}`);
  else {
    for (const one of verdicts)
      if (!one.ok) output.print(output.style("red", `${provider.title}: ${printable(one.detail)}`));
    for (const miss of misses) output.print(output.style("yellow", `Near miss: ${printable(miss)}.`));
  }
  return fits ? 0 : errorInfo("check_failed").exit;
}
