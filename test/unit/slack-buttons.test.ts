// Buttons: their limits, their signed values, and what a click on one starts (reference behaviour, section 8.5).
import fc from "fast-check";
import { expect, test } from "vitest";
import { toJsonText, type JsonText } from "../../src/core/json-text.ts";
import { feedbackOf } from "../../src/effects/slack/button-feedback.ts";
import { createButtonValues } from "../../src/effects/slack/button-values.ts";
import { readButtonGroup, signButtons } from "../../src/effects/slack/buttons.ts";
import { readClick, type ClickRequest } from "../../src/effects/slack/click.ts";

const NOW = 1_700_000_000_000;
const DAY = 86_400_000;
let now = NOW;
const values = createButtonValues("secret", DAY, () => now);
const GROUP = "6ca9528a-153a-59e4-8e13-4d3f72ad2f71";
const payload = {
  group: GROUP,
  taskId: "0b54d6bb-6bbb-4f1a-8d5e-5c1f5b0f9a01",
  workflow: "deploy",
  action: "yes",
  channel: "C1",
  input: `{"n":12345678901234567890.10,"s":"ü"}` as JsonText,
};
const button = (action: string, extra: object = {}) => ({
  type: "button",
  action_id: action,
  text: { type: "plain_text", text: action.toUpperCase() },
  ...extra,
});
const blocksOf = (...elements: object[]) => [
  { type: "section", text: { type: "mrkdwn", text: "Deploy?" } },
  { type: "actions", block_id: GROUP, elements },
];
const group = readButtonGroup(toJsonText({ group: GROUP, workflow: " deploy ", input: { v: 1 } }));

test("a value comes back as it was signed, to the last digit", () => {
  const value = values.sign(payload);
  expect(value).toMatch(/^v1\.[\w-]+\.[\w-]{43}$/);
  expect(values.verify(value)).toEqual({ ...payload, expiresAt: NOW + DAY });
});

test("every changed character of a value is refused", () => {
  const value = values.sign(payload);
  const characters = Array.from("ABCabc019-_.");
  fc.assert(
    fc.property(fc.nat(value.length - 1), fc.constantFrom(...characters), (at, character) => {
      if (value[at] === character) return;
      expect(() => values.verify(value.slice(0, at) + character + value.slice(at + 1))).toThrow(/button/);
    }),
  );
  for (const other of ["", "v1", "v1..", "v2.a.b", `${value}.x`, `${value}=`, value.slice(0, -1), "x".repeat(3_000)]) {
    expect(() => values.verify(other), other).toThrow(/button/);
  }
});

test("a value of another key or past its time is refused", () => {
  const value = values.sign(payload);
  const other = createButtonValues("other secret", DAY, () => now);
  expect(() => other.verify(value)).toThrow(expect.objectContaining({ code: "forbidden" }));
  now = NOW + DAY;
  expect(() => values.verify(value)).toThrow("has expired at");
  now = NOW;
});

test("a value longer than Slack takes is refused with its size", () => {
  const input = toJsonText("x".repeat(1_600));
  expect(() => values.sign({ ...payload, input })).toThrow(/the value of button yes has \d+ bytes; Slack takes 2000/);
  expect(values.sign({ ...payload, input: toJsonText("x".repeat(1_200)) }).length).toBeLessThanOrEqual(2_000);
});

test("all buttons of a message are signed, and nothing else of it is touched", () => {
  const body = {
    channel: "C1",
    text: "Deploy?",
    blocks: [...blocksOf(button("yes"), button("no", { style: "danger" })), { type: "divider" }],
  };
  const signed = signButtons(body, group, payload.taskId, values);
  const blocks = signed.blocks as Record<string, unknown>[];
  expect([blocks[0], blocks[2]]).toEqual([body.blocks[0], body.blocks[2]]);
  const read = (blocks[1]!["elements"] as { value: string }[]).map(({ value }) => values.verify(value));
  expect(read).toMatchObject([
    { action: "yes", workflow: "deploy", channel: "C1", input: `{"v":1}`, taskId: payload.taskId },
    { action: "no" },
  ]);
});

test.each<[string, object, object[]]>([
  ["a channel name", { channel: "#news" }, [button("yes")]],
  ["a user's id", { channel: "U123" }, [button("yes")]],
  ["a long text", { text: "x".repeat(3_001) }, [button("yes")]],
  ["no button", {}, []],
  ["six buttons", {}, ["a", "b", "c", "d", "e", "f"].map((action) => button(action))],
  ["an action with a space", {}, [button("a b")]],
  ["an action of 65 characters", {}, [button("a".repeat(65))]],
  ["no label", {}, [button("yes", { text: { text: " " } })]],
  ["a long label", {}, [button("yes", { text: { text: "x".repeat(76) } })]],
  ["a style of its own", {}, [button("yes", { style: "green" })]],
])("%s is refused", (_, change, elements) => {
  const body = { channel: "C1", text: "Deploy?", blocks: blocksOf(...elements), ...change };
  expect(() => signButtons(body, group, payload.taskId, values)).toThrow(/^slack_buttons: /);
});

const value = values.sign({ ...payload, input: toJsonText({ version: "1.2" }) });
const message = {
  ts: "1.5",
  text: "Deploy?",
  blocks: blocksOf(button("yes", { value }), button("no", { value: "v1.x.y" })),
};
const click = (change: Partial<ClickRequest> = {}) =>
  readClick({ button: value, click: { user: "U12345" }, message: null, idempotencyKey: "k", ...change }, values, NOW);
const inputOf = (change: Partial<ClickRequest> = {}) =>
  JSON.parse(click(change).input) as { version: string; click: Record<string, unknown> };

test("a click starts the button's workflow with its input and who clicked", () => {
  expect(click()).toMatchObject({
    workflowName: "deploy",
    taskId: payload.taskId,
    idempotencyKey: `slack-button:${GROUP}:k`,
  });
  const started = inputOf({ click: { user: { id: "U12345", username: "ada" }, channel: { id: "C1" }, note: 5 } });
  expect(started).toMatchObject({
    version: "1.2",
    click: { kind: "slack_button", action: "yes", channel: "C1", user: { id: "U12345", name: "ada" }, note: 5 },
  });
  expect(started.click).not.toHaveProperty("message");
});

test("credentials of a click and values of buttons do not reach the run", () => {
  const started = inputOf({
    button: button("yes", { value }),
    click: { user_id: "U1", response_url: "https://hooks", trigger_id: "t", token: "x", action_id: "yes" },
    message,
  });
  expect(started.click).toMatchObject({ label: "YES", message_ts: "1.5", message: { channel: "C1", ts: "1.5" } });
  const text = JSON.stringify(started);
  for (const secret of ["https://hooks", "trigger_id", "token", "v1."]) expect(text).not.toContain(secret);
});

test("numbers of a button's input arrive as they were given, and an input without members has a place", () => {
  const exact = values.sign(payload);
  expect(click({ button: exact }).input).toMatch(/^\{"n":12345678901234567890\.10,"s":"ü","click":\{/);
  const list = values.sign({ ...payload, input: toJsonText([1]) });
  expect(inputOf({ button: list })).toMatchObject({ input: [1], click: { action: "yes" } });
  const nothing = values.sign({ ...payload, input: toJsonText(null) });
  expect(Object.keys(inputOf({ button: nothing }))).toEqual(["click"]);
});

test.each<[string, Partial<ClickRequest>, string]>([
  ["another channel", { click: { channel: "C2" } }, "the click came from channel C2; the button belongs to C1"],
  ["a message of another channel", { message: { channel: { id: "C2" } } }, "channel C2"],
  ["another action", { click: { action: "no" } }, "the click says no; the button is yes"],
  ["no value", { button: {} }, "the button has no value"],
  ["no value of ours", { button: "yes" }, "none of this API's"],
  ["too much", { click: { note: "x".repeat(70_000) } }, "a run takes 65536"],
])("a click with %s is refused", (_, change, text) => {
  expect(() => click(change)).toThrow(text);
});

test("the clicked message shows what becomes of the click, and has its buttons again when it failed", () => {
  const task = { workflowName: "deploy", input: click({ click: { user: { name: "<ada>" } }, message }).input };
  const textsOf = (state: "processing" | "updated" | "restore") => {
    const feedback = feedbackOf(task, state)!;
    return { feedback, blocks: feedback.message.body["blocks"] as Record<string, unknown>[] };
  };
  const { feedback, blocks } = textsOf("processing");
  expect(feedback.message.body).toMatchObject({ channel: "C1", ts: "1.5" });
  expect(feedback.group).toBeNull();
  expect(blocks.map((block) => block["type"])).toEqual(["section", "context"]);
  expect(JSON.stringify(blocks)).toContain("*YES* by &lt;ada&gt; …");
  expect(JSON.stringify(textsOf("updated").blocks)).toContain(":white_check_mark: *YES*");
  const restored = textsOf("restore");
  expect(restored.blocks.map((block) => block["type"])).toEqual(["section", "actions", "context"]);
  expect(restored.feedback.group).toEqual({ group: GROUP, workflow: "deploy", input: `{"version":"1.2"}` });
  expect(feedbackOf({ workflowName: "deploy", input: click().input }, "updated")).toBeNull();
  expect(feedbackOf({ workflowName: "deploy", input: toJsonText([1]) }, "updated")).toBeNull();
});
