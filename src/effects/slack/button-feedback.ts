// What a message with buttons shows while a click on it is being worked on: processing, then done; the buttons come back when it failed.
// Only a run that a click started has such a message, and only its own.
import { parseJson, type JsonText } from "../../core/json-text.ts";
import { isObject, textOf, type Arguments } from "../arguments.ts";
import { isGroupBlock, type ButtonGroup } from "./buttons.ts";
import { CLICK_KIND, inputWithoutClick } from "./click.ts";
import type { Message } from "./messages.ts";

/** updated: the message has its final shape. restore: the attempt failed, the buttons can be used again. */
export const FEEDBACK_STATES = ["processing", "updated", "restore"] as const;
export type FeedbackState = (typeof FEEDBACK_STATES)[number];

export interface ClickedTask {
  readonly workflowName: string;
  readonly input: JsonText;
}

export interface Feedback {
  readonly message: Message;
  /** What is signed again; null: the message has no buttons in this state. */
  readonly group: ButtonGroup | null;
  /** The task that posted the button first. */
  readonly sourceTaskId: string;
}

/** Null: the run was started without the message that has the button. */
export function feedbackOf(task: ClickedTask, state: FeedbackState): Feedback | null {
  const input = parseJson(task.input);
  const click = isObject(input) && isObject(input["click"]) ? input["click"] : null;
  const message = click && isObject(click["message"]) ? click["message"] : null;
  if (click?.["kind"] !== CLICK_KIND || message === null || !Array.isArray(message["blocks"])) return null;
  const [group, sourceTaskId] = [textOf(click, "group"), textOf(click, "source_task_id")];
  const [channel, ts] = [textOf(message, "channel"), textOf(message, "ts")];
  if (group === null || sourceTaskId === null || channel === null || ts === null) return null;
  const said = noteOf(state, click);
  const note = { type: "context", elements: [{ type: "mrkdwn", text: said }] };
  const given = message["blocks"] as unknown[];
  const blocks =
    state === "restore" ? [...given, note] : given.map((block) => (isGroupBlock(block, group) ? note : block));
  const body = {
    channel,
    ts,
    text: [textOf(message, "text"), said].filter((part) => part !== null).join("\n"),
    blocks,
  };
  return {
    message: { body, buttons: null },
    group: state === "restore" ? { group, workflow: task.workflowName, input: inputWithoutClick(task.input) } : null,
    sourceTaskId,
  };
}

function noteOf(state: FeedbackState, click: Arguments): string {
  const label = escaped(textOf(click, "label", "action") ?? "");
  const who = whoOf(click["user"]);
  const by = who === null ? "" : ` by ${who}`;
  return {
    processing: `:hourglass_flowing_sand: *${label}*${by} …`,
    updated: `:white_check_mark: *${label}*${by}`,
    restore: `:warning: *${label}*${by} did not succeed.`,
  }[state];
}

function whoOf(user: unknown): string | null {
  if (!isObject(user)) return null;
  const id = textOf(user, "id");
  if (id !== null && /^[UW][A-Z0-9]{4,}$/.test(id)) return `<@${id}>`;
  const name = textOf(user, "name") ?? id;
  return name === null ? null : escaped(name);
}

/** Slack's mrkdwn: these three characters are control characters. */
function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
