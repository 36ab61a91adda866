// The outbox in section [effects] of chiron.toml: what is kept of a call, how many calls, for how long.
import { z } from "zod";
import { parseDuration } from "../core/duration.ts";

const DEFAULT_KEEP = 10_000;
const DEFAULT_KEEP_FOR_MS = 14 * 86_400_000;

const duration = z.string().transform((text, context) => {
  const ms = parseDuration(text);
  if (ms !== null && ms > 0) return ms;
  context.addIssue({ code: "custom", message: `"${text}" is not a duration such as 12h or 30d` });
  return z.NEVER;
});

/** Members of section [effects] about the outbox. */
export const outboxMembers = {
  outbox: z.enum(["full", "meta", "off"]).optional(),
  outbox_keep: z.int().min(1).max(10_000_000).optional(),
  outbox_keep_for: duration.optional(),
};

const section = z.strictObject(outboxMembers);
type OutboxSection = z.infer<typeof section>;

export interface OutboxConfig {
  /** What a server keeps of a call. A developer's machine keeps everything. */
  readonly content: "full" | "meta" | "off";
  readonly keep: number;
  readonly keepForMs: number;
}

export function outboxConfig(file: OutboxSection = {}): OutboxConfig {
  return {
    content: file.outbox ?? "full",
    keep: file.outbox_keep ?? DEFAULT_KEEP,
    keepForMs: file.outbox_keep_for ?? DEFAULT_KEEP_FOR_MS,
  };
}
