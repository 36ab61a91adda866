// Slack messages on a terminal.
import { expect, test } from "vitest";
import { messageLines, slackMessage } from "../../src/cli/outbox-message.ts";

const mrkdwn = (text: string) => ({ type: "mrkdwn", text });

test("a message of either call is found in its request", () => {
  expect(slackMessage({ channel: "C1", text: "t", args: { thread_ts: "1" } })).toMatchObject({
    text: "t",
    thread_ts: "1",
  });
  expect(slackMessage({ message: { channel: "C1", ts: "2" } })).toEqual({ channel: "C1", ts: "2" });
  expect(slackMessage({ $omitted: { size: 9_000 } })).toBeNull();
  expect(slackMessage("text")).toBeNull();
  expect(slackMessage(null)).toBeNull();
});

test("without blocks a message is its text, harmless for a terminal", () => {
  expect(messageLines({ text: "one\ntwo \u001b[31m" })).toEqual(["one", "two \\x1b[31m"]);
  expect(messageLines({})).toEqual([]);
});

test("blocks look as they would in the channel, as far as text can", () => {
  const button = { type: "button", action_id: "yes", text: { type: "plain_text", text: "Yes" } };
  const list = {
    type: "rich_text_list",
    elements: [{ type: "rich_text_section", elements: [{ type: "text", text: "item" }] }],
  };
  const blocks = [
    { type: "header", text: { type: "plain_text", text: "Title" } },
    { type: "section", text: mrkdwn("*bold*\nmore"), fields: [mrkdwn("a"), mrkdwn("b")], accessory: button },
    { type: "context", elements: [mrkdwn("by"), { type: "image", alt_text: "ada" }] },
    { type: "divider" },
    { type: "image", alt_text: "a chart" },
    {
      type: "rich_text",
      elements: [{ type: "rich_text_section", elements: [{ type: "link", url: "https://x" }] }, list],
    },
    { type: "actions", elements: [button, { type: "static_select" }] },
    { type: "video" },
    "no block",
  ];
  expect(messageLines({ text: "fallback", blocks })).toEqual([
    "TITLE",
    "*bold*",
    "more",
    "a",
    "b",
    "[ Yes ] yes",
    "by  ada",
    "────────",
    "(image: a chart)",
    "https://x• item",
    "[ Yes ] yes   [ static_select ]",
    "(video)",
  ]);
});
