// `chiron keys`: the API keys that the store knows. A key is shown once, when it is made; what is kept is its hash.
import { createHash, randomBytes } from "node:crypto";
import type { Command } from "commander";
import { ChironError } from "../core/errors.ts";
import type { ApiKey } from "../ports/store-types.ts";
import type { KeyStore } from "../ports/store.ts";
import { action, withCommonOptions, type CommandContext, type CommandDeps, type CommonOptions } from "./command.ts";
import { relative } from "./when.ts";

interface CreateOptions extends CommonOptions {
  readonly name: string;
  readonly scope: string;
}

const SCOPES = ["read", "write", "admin"] as const;
const ID_BYTES = 6;
const SECRET_BYTES = 32;

const ABOUT = `
Examples:
  $ chiron keys create --name ci --scope write
  $ chiron keys list
  $ chiron keys revoke 1f0c9b3e7a52
Keys live in the store, so these commands work while no server has it. As soon as there is a key, every call of the API needs one.
A key can also be given to the server in CHIRON_API_KEY; that one is not listed.`;

export function addKeysCommands(program: Command, deps: CommandDeps): void {
  const keys = program.command("keys").description("make and revoke API keys").addHelpText("after", ABOUT);
  withCommonOptions(keys.command("create"))
    .description("make a key and show it, once")
    .requiredOption("--name <name>", "who or what the key is for")
    .option("--scope <scope>", "read, write (start, cancel, emit) or admin (everything)", "write")
    .addHelpText("after", "\nExample:\n  $ export CHIRON_API_KEY=$(chiron keys create --name me --scope admin)")
    .action(action<CreateOptions>(deps, create));
  withCommonOptions(keys.command("list"))
    .description("list the keys, without their secrets")
    .addHelpText("after", "\nExample:\n  $ chiron keys list --json")
    .action(action<CommonOptions>(deps, list));
  withCommonOptions(keys.command("revoke <id>"))
    .description("make a key worthless at once")
    .addHelpText("after", "\nExample:\n  $ chiron keys revoke 1f0c9b3e7a52")
    .action(action<CommonOptions>(deps, (context, _options, [id]) => revoke(context, id!)));
}

/** A key of the form chiron_<id>_<secret>; the secret's 256 bits make a plain hash of it as good as any. */
export function makeKey(): { readonly id: string; readonly key: string; readonly hash: string } {
  const id = randomBytes(ID_BYTES).toString("hex");
  const key = `chiron_${id}_${randomBytes(SECRET_BYTES).toString("base64url")}`;
  return { id, key, hash: createHash("sha256").update(key).digest("hex") };
}

async function create(context: CommandContext, options: CreateOptions): Promise<void> {
  const { output } = context;
  const scope = SCOPES.find((one) => one === options.scope);
  if (!scope) {
    throw new ChironError("bad_request", `--scope must be ${SCOPES.join(", ")}, not ${options.scope}`);
  }
  const name = options.name.trim();
  if (name === "") throw new ChironError("bad_request", "--name must not be empty");
  const { id, key, hash } = makeKey();
  const stored = await withKeys(context, (keys) => keys.add({ id, name, scope, hash }));
  if (output.json) return output.printJson({ ok: true, ...fieldsOf(stored), key });
  output.print(key);
  output.note(`This is the only time the key is shown. It may ${scope}; revoke it with: chiron keys revoke ${id}`);
}

async function list(context: CommandContext): Promise<void> {
  const { output } = context;
  const keys = await withKeys(context, (store) => store.list());
  if (output.json) return output.printJson({ ok: true, keys: keys.map(fieldsOf) });
  if (keys.length === 0) return output.note("no keys: the API is open to local clients, and to nobody else");
  const now = Date.now();
  output.table(
    ["ID", "NAME", "SCOPE", "CREATED", "LAST USED"],
    keys.map((key) => [
      key.id,
      key.name,
      key.scope,
      relative(key.createdAt, now),
      key.lastUsedAt === null ? "never" : relative(key.lastUsedAt, now),
    ]),
  );
}

async function revoke(context: CommandContext, id: string): Promise<void> {
  const { output } = context;
  // The whole key names its id too: it is what a person has at hand.
  const keyId = /^chiron_([^_]+)_/.exec(id)?.[1] ?? id;
  const revoked = await withKeys(context, (keys) => keys.revoke(keyId));
  if (!revoked) throw new ChironError("not_found", `there is no key ${keyId}`, { hint: 'See "chiron keys list".' });
  if (output.json) output.printJson({ ok: true, id: keyId });
  else output.print(`revoked ${keyId}`);
}

function fieldsOf({ id, name, scope, createdAt, lastUsedAt }: ApiKey): object {
  const time = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString());
  return { id, name, scope, created_at: time(createdAt), last_used_at: time(lastUsedAt) };
}

async function withKeys<T>({ wiring, config }: CommandContext, body: (keys: KeyStore) => Promise<T>): Promise<T> {
  const options = { work: false, load: false, watch: false, mode: "local" } as const;
  const runtime = await wiring.openRuntime(config, options).catch((error: unknown) => {
    if (!(error instanceof ChironError) || error.code !== "store_owned") throw error;
    throw new ChironError("store_owned", error.message, {
      hint: "Keys are changed while no server runs: stop it, run this again, and start it. Or give the server a key in CHIRON_API_KEY.",
      cause: error,
      details: error.details,
    });
  });
  try {
    return await body(runtime.store.keys);
  } finally {
    await runtime.close();
  }
}
