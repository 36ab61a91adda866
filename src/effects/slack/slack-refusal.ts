// Slack's own reasons for refusing a call, with what to do about the common ones.
import { ChironError } from "../../core/errors.ts";
import type { SlackAnswer } from "./slack-port.ts";

const HINTS: Readonly<Record<string, string>> = {
  channel_not_found: "Check the channel's id; a private channel is visible only to its members.",
  not_in_channel: "Invite the bot: /invite @bot in the channel.",
  is_archived: "The channel is archived.",
  invalid_auth: "SLACK_BOT_TOKEN is not valid.",
  not_authed: "SLACK_BOT_TOKEN is not valid.",
  token_revoked: "SLACK_BOT_TOKEN was revoked; install the app again.",
  token_expired: "SLACK_BOT_TOKEN has expired.",
  account_inactive: "The bot's account was removed; install the app again.",
  missing_scope: "Add the scope to the app and install it again.",
  msg_too_long: "Split the message.",
  no_text: "Give the message a text or blocks.",
  invalid_blocks: "Check the blocks in Slack's Block Kit Builder.",
  message_not_found: "The message was deleted, or channel and ts belong to different messages.",
  cant_update_message: "A bot can change only its own messages.",
  edit_window_closed: "The workspace does not allow changing a message of this age.",
  restricted_action: "A workspace setting forbids this.",
};

/** The error of an answer that is not ok. */
export function refusal(
  method: string,
  body: Readonly<Record<string, unknown>>,
  answer: SlackAnswer,
  status: number,
): ChironError {
  const reason = typeof answer["error"] === "string" ? answer["error"] : `HTTP ${status} without a reason`;
  const channel = typeof body["channel"] === "string" ? ` to ${body["channel"]}` : "";
  const hint = HINTS[reason];
  return new ChironError("upstream", `Slack refused ${method}${channel}: ${reason}${detailOf(answer)}`, {
    details: { method, reason },
    ...(hint === undefined ? {} : { hint }),
  });
}

/** The scope that is needed, or what is wrong with which block. */
function detailOf(answer: SlackAnswer): string {
  const metadata = answer["response_metadata"] as { messages?: unknown } | undefined;
  const messages = Array.isArray(metadata?.messages) ? metadata.messages : [];
  const parts = [
    typeof answer["needed"] === "string" ? `needs ${answer["needed"]}` : null,
    ...messages.filter((message) => typeof message === "string"),
  ].filter((part) => part !== null);
  return parts.length === 0 ? "" : ` (${parts.join("; ").slice(0, 500)})`;
}
