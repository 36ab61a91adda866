// ctx.find_slack_message: whether a message with this client_msg_id is in a channel or thread, among its newest ones.
import type { JsonText } from "../../core/json-text.ts";
import type { EffectContext } from "../../ports/effects.ts";
import { isObject, readArguments, requireText, textOf } from "../arguments.ts";
import type { Slack } from "./slack-port.ts";

const PAGE = 200;
const PAGES = 5;

export interface FoundMessage {
  readonly found: boolean;
  readonly channel: string;
  readonly ts?: string;
  readonly thread_ts?: string;
}

export async function findMessage(slack: Slack, text: JsonText, context: EffectContext): Promise<FoundMessage> {
  const args = readArguments(text);
  const channel = requireText(args, "find_slack_message", "channel");
  const id = requireText(args, "find_slack_message", "client_msg_id");
  const thread = textOf(args, "thread_ts");
  const method = thread === null ? "conversations.history" : "conversations.replies";
  let cursor: string | null = null;
  for (let page = 0; page < PAGES; page += 1) {
    const place = {
      channel,
      limit: PAGE,
      ...(thread === null ? {} : { ts: thread }),
      ...(cursor === null ? {} : { cursor }),
    };
    const answer = await slack.call(method, slack.nature === "real" ? place : { ...place, client_msg_id: id }, context);
    const messages = Array.isArray(answer["messages"]) ? (answer["messages"] as unknown[]) : [];
    const match = messages.filter(isObject).find((message) => message["client_msg_id"] === id);
    if (match) return found(channel, textOf(match, "ts"), textOf(match, "thread_ts"));
    const metadata = answer["response_metadata"];
    cursor = isObject(metadata) ? textOf(metadata, "next_cursor") : null;
    if (cursor === null) break;
  }
  return { found: false, channel };
}

function found(channel: string, ts: string | null, thread: string | null): FoundMessage {
  return { found: true, channel, ...(ts === null ? {} : { ts }), ...(thread === null ? {} : { thread_ts: thread }) };
}
