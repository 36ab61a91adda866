// What ctx.post_to_slack, ctx.update_slack and ctx.find_slack_message send (reference behaviour, section 8.4).
import { expect, test } from "vitest";
import type { TaskId } from "../../src/core/ids.ts";
import { toJsonText } from "../../src/core/json-text.ts";
import { createOutboxSlack, type KeptMessage } from "../../src/effects/slack/outbox-slack.ts";
import { createSlack } from "../../src/effects/slack/slack.ts";
import type { Slack } from "../../src/effects/slack/slack-port.ts";
import type { EffectContext } from "../../src/ports/effects.ts";

const taskId = "0b54d6bb-6bbb-4f1a-8d5e-5c1f5b0f9a01" as TaskId;
const { signal } = new AbortController();
const context: EffectContext = { taskId, runId: taskId, workflowName: "w", ordinal: "2", harnessType: null, signal };

/** A Slack that notes its calls and answers with these. */
function noting(...answers: Record<string, unknown>[]) {
  const calls: { method: string; body: Record<string, unknown> }[] = [];
  const slack: Slack = {
    nature: "real",
    by: "slack.test",
    async call(method, body) {
      calls.push({ method, body: { ...body } });
      return answers.shift() ?? { ok: true, channel: body["channel"], ts: "1.5", extra: true };
    },
  };
  const handler = createSlack({ slack, buttons: null, clicked: async () => null });
  const ask = async (type: string, args: unknown): Promise<unknown> =>
    JSON.parse(await handler.call(type, toJsonText(args), context, () => undefined));
  return { calls, ask };
}

test("a post has its defaults, the forwarded fields and nothing else", async () => {
  const { calls, ask } = noting();
  const args = {
    thread_ts: "1.0",
    reply_broadcast: true,
    username: "bot",
    icon_emoji: ":x:",
    no_attribution: true,
    mrkdwn: false,
  };
  const answer = await ask("ctx.post_to_slack", {
    channel: "C1",
    text: "hi",
    args: { ...args, blocks: null, attachments: [1], unfurl_links: true },
  });
  expect(answer).toEqual({ channel: "C1", ts: "1.5" });
  const body = {
    channel: "C1",
    text: "hi",
    unfurl_links: true,
    unfurl_media: false,
    client_msg_id: `${taskId}:slack:2`,
    ...args,
  };
  expect(calls).toEqual([{ method: "chat.postMessage", body }]);
});

test("an update sends its message as it is and answers what Slack answers, in both spellings", async () => {
  const { calls, ask } = noting();
  const message = { channel: "C1", ts: "1.5", text: "new", blocks: [{ type: "divider" }], extra: null };
  const answer = await ask("ctx.update_slack", { message });
  expect(answer).toEqual({ ok: true, channel: "C1", ts: "1.5", extra: true });
  await ask("ctx.update_slack", { channel: "C1", ts: "1.5", text: "new", args: { blocks: message.blocks } });
  const body = { channel: "C1", ts: "1.5", text: "new", blocks: message.blocks };
  expect(calls).toEqual([
    { method: "chat.update", body },
    { method: "chat.update", body },
  ]);
});

test("wrong arguments are refused before anything is sent", async () => {
  const { calls, ask } = noting();
  await expect(ask("ctx.post_to_slack", { channel: " ", text: "x" })).rejects.toThrow("needs a non-empty channel");
  await expect(ask("ctx.post_to_slack", { channel: "C1", text: "" })).rejects.toThrow("a non-empty text, or blocks");
  await expect(ask("ctx.post_to_slack", { channel: "C1", text: 5 })).rejects.toThrow("a non-empty text, or blocks");
  await expect(ask("ctx.update_slack", { message: { channel: "C1", text: "x" } })).rejects.toThrow(
    "needs a non-empty ts",
  );
  await expect(ask("ctx.post_to_slack", [])).rejects.toThrow("must be an object");
  await expect(ask("ctx.find_slack_message", { channel: "C1" })).rejects.toThrow("client_msg_id");
  expect(calls).toEqual([]);
  await ask("ctx.post_to_slack", { channel: "C1", text: "", args: { blocks: [] } });
  expect(calls).toHaveLength(1);
});

test("an accepted post without a ts is an error", async () => {
  const { ask } = noting({ ok: true });
  await expect(ask("ctx.post_to_slack", { channel: "C1", text: "x" })).rejects.toThrow("the answer has no ts");
});

test("a message is looked for page by page, in the channel or in its thread", async () => {
  const more = { ok: true, messages: [{ ts: "1" }], response_metadata: { next_cursor: "n" } };
  const { calls, ask } = noting(more, { ok: true, messages: [{ client_msg_id: "k", ts: "2", thread_ts: "1" }] });
  const found = await ask("ctx.find_slack_message", { channel: "C1", client_msg_id: "k" });
  expect(found).toEqual({ found: true, channel: "C1", ts: "2", thread_ts: "1" });
  expect(calls.map(({ body }) => body["cursor"])).toEqual([undefined, "n"]);
  const none = noting({ ok: true, messages: [] });
  const inThread = { channel: "C1", client_msg_id: "k", thread_ts: "1" };
  expect(await none.ask("ctx.find_slack_message", inThread)).toEqual({ found: false, channel: "C1" });
  expect(none.calls).toMatchObject([{ method: "conversations.replies", body: { ts: "1" } }]);
});

test("the outbox answers like Slack, the same on every replay", async () => {
  const told: KeptMessage[] = [];
  const slack = createOutboxSlack({ told: (message) => void told.push(message), posted: async (id) => id === "there" });
  const body = { channel: "#news", text: "hi" };
  const first = await slack.call("chat.postMessage", body, context);
  expect(first).toMatchObject({ ok: true, channel: "#news", ts: expect.stringMatching(/^\d{10}\.\d{6}$/) });
  expect(await slack.call("chat.postMessage", body, context)).toEqual(first);
  expect((await slack.call("chat.postMessage", body, { ...context, ordinal: "3" }))["ts"]).not.toBe(first["ts"]);
  expect(await slack.call("chat.update", { ...body, ts: "1.5" }, context)).toMatchObject({ ok: true, ts: "1.5" });
  expect(told.map(({ updated }) => updated)).toEqual([false, false, false, true]);
  const look = async (id: string) =>
    (await slack.call("conversations.history", { client_msg_id: id }, context))["messages"];
  expect(await look("there")).toHaveLength(1);
  expect(await look("not")).toEqual([]);
});
