// What makes two deliveries the same one (reference behaviour, section 6.4).
import type { TriggerKey } from "./spec.ts";

/** Start keys are indexed; what is longer stands for itself by its hash. */
const MAX_VALUE_LENGTH = 512;

export interface KeyParts {
  readonly slug: string;
  readonly trigger: TriggerKey | null;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly bodySha256: string;
  readonly sha256: (text: string) => string;
}

/** The start key of the delivery's run. */
export function triggerKeyOf({ slug, trigger, headers, bodySha256, sha256 }: KeyParts): string {
  const bounded = (value: string): string => (value.length > MAX_VALUE_LENGTH ? `sha256-${sha256(value)}` : value);
  if (trigger?.type === "static") return `webhook:${slug}:${bounded(trigger.value.trim())}`;
  if (trigger?.type === "header") {
    const name = trigger.header.toLowerCase();
    const value = Object.hasOwn(headers, name) ? headers[name]!.trim() : "";
    if (value !== "") return `webhook:${slug}:${name}:${bounded(value)}`;
  }
  return `webhook:${slug}:${bodySha256}`;
}
