// Slack when nothing may be posted: every message is written to the run's log instead and answered like a posted one.
import { createHash } from "node:crypto";
import { toJsonText, type JsonText } from "../../core/json-text.ts";
import { slackClientMessageId } from "../../core/keys.ts";
import type { EffectContext, EffectHandler } from "../../ports/effects.ts";
import { isObject, readArguments, requireText } from "../arguments.ts";

export interface LocalMessage {
  readonly channel: string;
  readonly text: string;
  readonly ts: string;
  readonly updated: boolean;
}

export type Outlet = (message: LocalMessage, context: EffectContext) => void;

/** A timestamp in Slack's form that is the same whenever the same call is made again. */
function stableTs(clientMessageId: string): string {
  const digest = createHash("sha256").update(clientMessageId).digest();
  const seconds = 1_000_000_000 + (digest.readUInt32BE(0) % 1_000_000_000);
  return `${seconds}.${String(digest.readUInt32BE(4) % 1_000_000).padStart(6, "0")}`;
}

function postToSlack(text: JsonText, context: EffectContext, outlet: Outlet): JsonText {
  const args = readArguments(text);
  const channel = requireText(args, "post_to_slack", "channel");
  const ts = stableTs(slackClientMessageId(context.taskId, context.ordinal));
  outlet({ channel, text: shown(args["text"]), ts, updated: false }, context);
  return toJsonText({ channel, ts });
}

function updateSlack(text: JsonText, context: EffectContext, outlet: Outlet): JsonText {
  const args = readArguments(text);
  const message = isObject(args["message"]) ? args["message"] : args;
  const channel = requireText(message, "update_slack", "channel");
  const ts = requireText(message, "update_slack", "ts");
  outlet({ channel, text: shown(message["text"]), ts, updated: true }, context);
  return toJsonText({ ok: true, channel, ts, text: message["text"] ?? "" });
}

function shown(text: unknown): string {
  return typeof text === "string" ? text : JSON.stringify(text ?? "");
}

/** Slack without a token: nothing leaves this machine. */
export function createLocalSlack(outlet: Outlet): EffectHandler {
  return {
    types: new Set(["ctx.post_to_slack", "ctx.update_slack"]),
    describe: () => ({ nature: "stubbed", by: "local" }),
    call: async (type, args, context) =>
      type === "ctx.update_slack" ? updateSlack(args, context, outlet) : postToSlack(args, context, outlet),
  };
}
