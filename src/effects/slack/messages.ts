// The messages of ctx.post_to_slack and ctx.update_slack as Slack's API takes them (reference behaviour, section 8.4).
import { ChironError } from "../../core/errors.ts";
import { sliceMembers, type JsonText } from "../../core/json-text.ts";
import { slackClientMessageId } from "../../core/keys.ts";
import type { EffectContext } from "../../ports/effects.ts";
import { isObject, readArguments, requireText, type Arguments } from "../arguments.ts";

/** What post_to_slack hands on; anything else stays behind, as in the reference. */
const FORWARDED = ["thread_ts", "reply_broadcast", "mrkdwn", "blocks", "username", "icon_emoji", "no_attribution"];

export interface Message {
  /** The body of the API call, without values of buttons. */
  readonly body: Readonly<Record<string, unknown>> & { readonly channel: string };
  /** The text of what `slack_buttons` adds, for signing; null: a message without buttons. */
  readonly buttons: JsonText | null;
}

export function postedMessage(text: JsonText, context: EffectContext): Message {
  const args = readArguments(text);
  const extra = isObject(args["args"]) ? args["args"] : args;
  const channel = requireText(args, "post_to_slack", "channel");
  const forwarded = FORWARDED.filter((name) => extra[name] !== undefined && extra[name] !== null);
  const body = {
    channel,
    text: messageText("post_to_slack", args, extra),
    unfurl_links: extra["unfurl_links"] ?? false,
    unfurl_media: extra["unfurl_media"] ?? false,
    client_msg_id: slackClientMessageId(context.taskId, context.ordinal),
    ...Object.fromEntries(forwarded.map((name) => [name, extra[name]])),
  };
  return { body, buttons: memberOf(text, isObject(args["args"]) ? "args" : null, "buttons", extra) };
}

/** Both forms: one `message` object, or flat fields beside `args`. */
export function updatedMessage(text: JsonText): Message {
  const args = readArguments(text);
  const nested = isObject(args["message"]) ? args["message"] : null;
  const flat = isObject(args["args"]) ? args["args"] : {};
  const { args: _args, buttons, ...message } = nested ?? { ...flat, ...args };
  const channel = requireText(message, "update_slack", "channel");
  const ts = requireText(message, "update_slack", "ts");
  const filled = Object.entries(message).filter(([, value]) => value !== undefined && value !== null);
  const body = { ...Object.fromEntries(filled), channel, ts, text: messageText("update_slack", message, message) };
  return { body, buttons: memberOf(text, nested ? "message" : null, "buttons", { buttons }) };
}

/** Slack takes a message without a text only when it has blocks. */
function messageText(call: string, args: Arguments, extra: Arguments): string {
  const text = args["text"];
  if (typeof text === "string" && (text !== "" || Array.isArray(extra["blocks"]))) return text;
  if ((text === undefined || text === null) && Array.isArray(extra["blocks"])) return "";
  throw new ChironError("bad_request", `${call} needs a non-empty text, or blocks`);
}

/** The exact text of a member, so that a button's input is signed as it was given. */
function memberOf(text: JsonText, outer: string | null, name: string, values: Arguments): JsonText | null {
  if (!isObject(values[name])) return null;
  const members = sliceMembers(text);
  return sliceMembers((outer === null ? text : members.get(outer))!).get(name) ?? null;
}
