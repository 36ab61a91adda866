// Who signs what a command sends, and where it goes. A secret of this project signs only what goes to this machine, unless the command
// names it: a production secret never leaves by mistake.
import { randomUUID } from "node:crypto";
import type { Config } from "../config/config.ts";
import { ChironError } from "../core/errors.ts";
import { nearest } from "../core/nearest.ts";
import { readAuth } from "../catalog/declarations/webhook-auth.ts";
import { providerOf, secretRefsOf, type WebhookAuth } from "../webhooks/auth.ts";
import type { HookRequest } from "../webhooks/provider.ts";
import { isProviderName, PROVIDER_NAMES } from "../webhooks/providers.ts";
import { signAs, type SignMode } from "../webhooks/sign-mode.ts";
import type { Client } from "./client.ts";
import { findWebhook, type WireWebhook } from "./wire-webhook.ts";

const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/i;
const SCHEMES = ["hmac", "bearer", "basic", "query", "github_hmac"];
const ANSWER_MS = 30_000;

export interface HookAnswer {
  readonly status: number;
  readonly deliveryId: string | null;
  readonly retryAfter: string | null;
  readonly body: string;
}

/** A provider's name or a JSON auth as it stands in WEBHOOKS. Throws bad_request. */
export function authNamed(text: string, secret: string | undefined): WebhookAuth {
  const read = readAuth(authValue(text, secret));
  if ("value" in read) return read.value;
  throw new ChironError("bad_request", read.flaw.message, {
    hint: secret === undefined ? "Name the variable that holds the secret with --secret." : read.flaw.fix,
  });
}

function authValue(text: string, secret: string | undefined): unknown {
  const ref = secret === undefined ? {} : { secret_ref: secret };
  if (!text.startsWith("{")) return { type: text, ...ref };
  try {
    return { ...(JSON.parse(text) as object), ...ref };
  } catch (error) {
    throw new ChironError("bad_request", `--auth is not JSON: ${(error as Error).message}`);
  }
}

export function isScheme(name: string): boolean {
  return isProviderName(name) || SCHEMES.includes(name) || name.startsWith("{");
}

/** The auth of a slug of this project or of a named scheme; `client` is asked only for a slug. */
export async function authOf(
  name: string,
  secret: string | undefined,
  client: () => Promise<Client>,
): Promise<{ readonly auth: WebhookAuth; readonly hook: WireWebhook | null }> {
  if (isScheme(name)) return { auth: authNamed(name, secret), hook: null };
  try {
    const hook = await findWebhook(await client(), name);
    return { auth: withSecret(hook.signing, secret), hook };
  } catch (error) {
    const near = nearest(name, PROVIDER_NAMES);
    if (!(error instanceof ChironError) || error.code !== "not_found" || near.length === 0) throw error;
    throw new ChironError("not_found", `${name} is neither a webhook of this project nor a known sender`, {
      hint: `Did you mean ${near.join(" or ")}?`,
    });
  }
}

/** The same scheme with another secret. */
export function withSecret(auth: WebhookAuth, secret: string | undefined): WebhookAuth {
  return auth.type === "none" || secret === undefined ? auth : { ...auth, secret_ref: secret };
}

/** Signs with secrets from the environment and .env. Throws bad_request that names the variable. */
export function signFor(config: Config, mode: SignMode, request: HookRequest, auth: WebhookAuth): HookRequest {
  const names = secretRefsOf(auth);
  const secrets = names.map((name) => config.env[name]);
  const needed = mode === "none" ? undefined : names[mode === "previous-secret" ? 1 : 0];
  if (needed !== undefined && (config.env[needed]?.trim() ?? "") === "") {
    throw new ChironError("bad_request", `the secret ${needed} is not set here`, {
      hint: `Set it in the environment or in .env of this folder, name another with --secret, or use --sign none.`,
    });
  }
  return signAs(mode, request, { auth, secrets, nowMs: Date.now() });
}

/** Where to send to: a server's address, or the whole address of a webhook there. Throws bad_request. */
export function targetOf(to: string, slug: string, secret: string | undefined): string {
  const url = URL.parse(to);
  if (!url || !/^https?:$/.test(url.protocol))
    throw new ChironError("bad_request", `--to ${to} is not an address that begins with http:// or https://`);
  if (!LOOPBACK.test(url.hostname) && secret === undefined) {
    throw new ChironError("bad_request", `${url.host} is another machine: say which secret signs for it`, {
      hint: "Name the variable with --secret NAME, or send unsigned with --sign none.",
    });
  }
  if (/\/api\/webhooks\/[^/]+$/.test(url.pathname)) return url.href;
  return `${url.origin}${url.pathname.replace(/\/+$/, "")}/api/webhooks/${slug}${url.search}`;
}

/** Sends it, to the server of the address or, without one, into the runtime of this process. */
export async function deliver(client: Client, request: HookRequest): Promise<HookAnswer> {
  const bare = request.method === "GET" || request.method === "HEAD";
  const init: RequestInit = {
    method: request.method,
    headers: { ...request.headers },
    redirect: "manual",
    signal: AbortSignal.timeout(ANSWER_MS),
    ...(bare ? {} : { body: new Uint8Array(request.body) }),
  };
  try {
    const response = await (client.local
      ? client.local.fetch(new Request(request.url, init))
      : fetch(request.url, init));
    const { headers } = response;
    return {
      status: response.status,
      deliveryId: headers.get("x-chiron-delivery"),
      retryAfter: headers.get("retry-after"),
      body: await response.text(),
    };
  } catch (error) {
    const { cause } = error as { cause?: unknown };
    const why = cause instanceof Error ? cause.message : (error as Error).message;
    throw new ChironError("unavailable", `${new URL(request.url).host} does not answer: ${why}`, { cause: error });
  }
}

/** A new id where the sender's or the webhook's header names a delivery: it is another delivery then. */
export function renewed(request: HookRequest, auth: WebhookAuth, hook: WireWebhook | null): HookRequest {
  const names = [
    providerOf(auth)?.deliveryHeader,
    hook?.trigger_key?.type === "header" ? hook.trigger_key.header : null,
  ];
  const fresh = names.filter((name) => typeof name === "string").map((name) => [name.toLowerCase(), randomUUID()]);
  return { ...request, headers: { ...request.headers, ...Object.fromEntries(fresh) } };
}
