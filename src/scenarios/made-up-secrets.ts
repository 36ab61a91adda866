// Secrets for scenarios that name none: made from the variable's name, so that every run sends the same bytes, in the form that the sender
// of the webhook gives its secrets.
import { createHash } from "node:crypto";
import { providerOf, secretRefsOf, type WebhookAuth } from "../webhooks/auth.ts";
import type { Provider } from "../webhooks/provider.ts";

const PROBE = {
  method: "POST",
  url: "http://localhost/api/webhooks/probe",
  headers: { "content-type": "application/json" },
  body: Buffer.from('{"probe":true}'),
};

/** A secret that this sender can sign with. Different seeds give different secrets. */
export function madeUpSecret(provider: Provider, seed: string): string {
  const bytes = createHash("sha256").update(`chiron scenario secret ${seed}`).digest();
  const hex = bytes.toString("hex");
  const candidates = [
    hex,
    `whsec_${bytes.subarray(0, 24).toString("base64")}`,
    `ed25519-seed:${hex}`,
    `scenario:${hex.slice(0, 24)}`,
  ];
  return candidates.find((secret) => canSign(provider, secret)) ?? hex;
}

function canSign(provider: Provider, secret: string): boolean {
  if (provider.checkSecret?.(secret)) return false;
  try {
    const { headers, url, body } = provider.sign(PROBE, secret, 0);
    const signed = {
      ...PROBE,
      url: url ?? PROBE.url,
      body: body ?? PROBE.body,
      headers: { ...PROBE.headers, ...headers },
    };
    return provider.verify(signed, secret, 0).ok;
  } catch {
    return false;
  }
}

/** The secrets of these webhooks: those given, and made-up ones for the rest. A given null leaves its variable unset. */
export function secretsFor(
  auths: Iterable<WebhookAuth>,
  given: Readonly<Record<string, string | null>>,
): Record<string, string | undefined> {
  const secrets: Record<string, string | undefined> = {};
  for (const auth of auths) {
    const provider = providerOf(auth);
    if (provider === null) continue;
    for (const name of secretRefsOf(auth)) secrets[name] ??= madeUpSecret(provider, name);
  }
  for (const [name, value] of Object.entries(given)) secrets[name] = value ?? undefined;
  return secrets;
}
