// The input of a scheduled run: what the declaration gives, where to deliver, and what says that a schedule started it
// (reference behaviour, section 7.1).
import { error, type Fields, type Flaw, isFields, shown, warning } from "./problem.ts";

export interface SlackDelivery {
  readonly platform: "slack";
  readonly channel: string;
  readonly thread_ts?: string;
}

/** A Slack thread's key: `slack:<channel>:<thread_ts>`, other parts between the first two allowed. */
export function deliveryOfThread(threadKey: string): SlackDelivery | null {
  const parts = threadKey.split(":");
  const [platform, channel, thread_ts] = [parts[0], parts.at(-2), parts.at(-1)];
  if (platform !== "slack" || parts.length < 3 || !channel || !thread_ts || !/^\d+(\.\d+)?$/.test(thread_ts))
    return null;
  return { platform, channel, thread_ts };
}

export function readInput(
  spec: Fields,
  workflowName: string,
  noDelivery: boolean,
): { readonly input: Fields | null; readonly flaws: readonly Flaw[] } {
  const flaws: Flaw[] = [];
  const declared = spec["input"] ?? {};
  if (!isFields(declared)) {
    flaws.push(error(`input is ${shown(declared)}, not a dict`, 'Write: "input": {"profile": "default"}'));
    return { input: null, flaws };
  }
  const metadata = declared["metadata"] ?? {};
  if (!isFields(metadata))
    flaws.push(warning("input.metadata is not a dict and is replaced", "Make it a dict, or rename it."));
  const input: Record<string, unknown> = { ...declared };
  const threadKey = text(spec, "thread_key", flaws);
  const channel = text(spec, "slack_channel", flaws)?.replace(/^#/, "");
  if (threadKey) {
    input["thread_key"] = threadKey;
    const delivery = deliveryOfThread(threadKey);
    if (delivery) input["delivery"] = delivery;
  }
  if (channel) input["delivery"] = { platform: "slack", channel } satisfies SlackDelivery;
  input["metadata"] = {
    ...(isFields(metadata) ? metadata : {}),
    source: "workflow_schedule",
    workflow_name: workflowName,
    no_delivery: noDelivery,
  };
  return { input: flaws.some((flaw) => flaw.severity === "error") ? null : input, flaws };
}

function text(spec: Fields, name: string, flaws: Flaw[]): string | null {
  const value = spec[name] ?? null;
  if (value === null) return null;
  if (typeof value === "string") return value.trim() || null;
  flaws.push(error(`${name} is ${shown(value)}, not a string`, `Write ${name} as a string, or leave it out.`));
  return null;
}
