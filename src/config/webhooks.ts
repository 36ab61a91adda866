// Section [webhooks] of chiron.toml: how the world addresses this server, and how much of what it sent is kept.
import { z } from "zod";
import { duration } from "./duration.ts";

const DEFAULT_KEEP = 10_000;
const DEFAULT_KEEP_FOR_MS = 30 * 86_400_000;

export const webhooksSchema = z.strictObject({
  public_url: z.url({ protocol: /^https?$/ }).optional(),
  trust_forwarded: z.boolean().optional(),
  keep: z.int().min(1).max(10_000_000).optional(),
  keep_for: duration.optional(),
});

export interface WebhooksConfig {
  /** Where senders find this server, without a slash at the end; some sign the address. Null: as each request says. */
  readonly publicUrl: string | null;
  /** Whether a proxy in front tells the sender's address in X-Forwarded-For. */
  readonly trustForwarded: boolean;
  /** Most deliveries kept. */
  readonly keep: number;
  readonly keepForMs: number;
}

export function webhooksConfig(file: z.infer<typeof webhooksSchema> = {}): WebhooksConfig {
  return {
    publicUrl: file.public_url?.replace(/\/+$/, "") ?? null,
    trustForwarded: file.trust_forwarded ?? false,
    keep: file.keep ?? DEFAULT_KEEP,
    keepForMs: file.keep_for ?? DEFAULT_KEEP_FOR_MS,
  };
}
