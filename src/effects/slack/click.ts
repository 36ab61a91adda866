// A click on a button, from what a Slack client passed on to the run it starts: checked against the button's own signed value first.
import { ChironError } from "../../core/errors.ts";
import { parseJson, sliceMembers, toJsonText, type JsonText } from "../../core/json-text.ts";
import { isObject, textOf, type Arguments } from "../arguments.ts";
import type { ButtonPayload, ButtonValues } from "./button-values.ts";
import { isGroupBlock, labelOf } from "./buttons.ts";

/** The click record becomes part of a run's input. */
const RECORD_LIMIT = 64 * 1024;
/** Credentials that Slack sends along with a click. */
const SECRET_FIELDS: ReadonlySet<string> = new Set(["response_url", "response_urls", "trigger_id", "token"]);
/** What `input.click` is told by. */
export const CLICK_KIND = "slack_button";

export interface ClickRequest {
  /** The signed value, or the button element that carries it. */
  readonly button: string | Arguments;
  readonly click: Arguments;
  /** The message with the button, as Slack sends it. */
  readonly message: Arguments | null;
  readonly idempotencyKey: string;
}

export interface ClickedRun {
  readonly workflowName: string;
  readonly input: JsonText;
  readonly idempotencyKey: string;
  /** The task that posted the button. */
  readonly taskId: string;
}

/** Throws bad_request for a click that is none, forbidden for one that does not belong to the button. */
export function readClick(request: ClickRequest, values: ButtonValues, now: number): ClickedRun {
  const { button, click, idempotencyKey } = request;
  const value = typeof button === "string" ? button : textOf(button, "value");
  if (value === null) throw new ChironError("bad_request", "the button has no value");
  const payload = values.verify(value);
  const message = request.message ?? (isObject(click["message"]) ? click["message"] : null);
  const channel =
    idOf(click["channel"]) ?? textOf(click, "channel_id") ?? channelOf(click["container"]) ?? channelOf(message);
  if (channel !== null && channel !== payload.channel) {
    throw new ChironError(
      "forbidden",
      `the click came from channel ${channel}; the button belongs to ${payload.channel}`,
    );
  }
  const action =
    textOf(click, "action_id", "action") ?? (typeof button === "string" ? null : textOf(button, "action_id"));
  if (action !== null && action !== payload.action) {
    throw new ChironError("forbidden", `the click says ${action}; the button is ${payload.action}`);
  }
  const record = toJsonText(recordOf(payload, click, message, now));
  if (record.length > RECORD_LIMIT) {
    throw new ChironError("too_large", `the click has ${record.length} characters; a run takes ${RECORD_LIMIT}`);
  }
  return {
    workflowName: payload.workflow,
    input: withClick(payload.input, record),
    // One key of a client must not swallow clicks on another button.
    idempotencyKey: `slack-button:${payload.group}:${idempotencyKey}`,
    taskId: payload.taskId,
  };
}

function channelOf(value: unknown): string | null {
  return isObject(value) ? (textOf(value, "channel_id") ?? idOf(value["channel"])) : null;
}

/** Slack writes ids plainly or as an object with an id. */
function idOf(value: unknown): string | null {
  if (typeof value === "string") return value.trim() === "" ? null : value;
  return isObject(value) ? textOf(value, "id") : null;
}

function recordOf(payload: ButtonPayload, click: Arguments, message: Arguments | null, now: number): Arguments {
  const { group, taskId, action, channel } = payload;
  const container = isObject(click["container"]) ? click["container"] : {};
  const blocks = Array.isArray(message?.["blocks"]) ? (message["blocks"] as unknown[]) : null;
  const ts = (message && textOf(message, "ts")) ?? textOf(click, "message_ts") ?? textOf(container, "message_ts");
  const thread =
    (message && textOf(message, "thread_ts")) ?? textOf(click, "thread_ts") ?? textOf(container, "thread_ts");
  const given = Object.entries(click).filter(([name]) => !SECRET_FIELDS.has(name) && name !== "message");
  return {
    ...Object.fromEntries(given),
    kind: CLICK_KIND,
    action,
    label: labelOf(blocks ?? [], group, action),
    group,
    channel,
    user: userOf(click),
    message_ts: ts,
    thread_ts: thread,
    clicked_at: new Date(now).toISOString(),
    source_task_id: taskId,
    ...(blocks === null || ts === null
      ? {}
      : { message: { channel, ts, text: textOf(message!, "text") ?? "", blocks: withoutValues(blocks, group) } }),
  };
}

function userOf(click: Arguments): Arguments | null {
  const user = click["user"];
  const id = idOf(user) ?? textOf(click, "user_id");
  const name = (isObject(user) ? textOf(user, "name", "username") : null) ?? textOf(click, "user_name", "username");
  if (id === null && name === null) return null;
  return { ...(isObject(user) ? user : {}), id, name };
}

/** Whoever may read a run must not be able to click in its name. */
function withoutValues(blocks: readonly unknown[], group: string): unknown[] {
  return blocks.map((block) => {
    if (!isGroupBlock(block, group)) return block;
    const elements = (block["elements"] as unknown[]).map((element) => {
      if (!isObject(element)) return element;
      const { value: _value, ...rest } = element;
      return rest;
    });
    return { ...block, elements };
  });
}

/** The button's input, its numbers as they were given, with the click beside its members. One that has no members stands at `input`. */
function withClick(input: JsonText, click: JsonText): JsonText {
  const value = parseJson(input);
  if (value === null) return `{"click":${click}}` as JsonText;
  if (!isObject(value)) return `{"input":${input},"click":${click}}` as JsonText;
  return withMembers(input, ["click", click]);
}

/** What the button was given, of the input of the run that a click on it started. */
export function inputWithoutClick(input: JsonText): JsonText {
  return withMembers(input);
}

function withMembers(input: JsonText, ...more: readonly (readonly [string, JsonText])[]): JsonText {
  const members = [...sliceMembers(input)].filter(([name]) => name !== "click");
  return `{${[...members, ...more].map(([name, text]) => `${JSON.stringify(name)}:${text}`).join(",")}}` as JsonText;
}
