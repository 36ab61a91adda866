// Buttons of a message: their limits (reference behaviour, section 8.5) and their signed values, both before anything is posted.
import { ChironError } from "../../core/errors.ts";
import { parseJson, sliceMembers, toJsonText, type JsonText } from "../../core/json-text.ts";
import { isObject, textOf, type Arguments } from "../arguments.ts";
import type { ButtonValues } from "./button-values.ts";

const MAX_TEXT = 3_000;
const MAX_BUTTONS = 5;
const MAX_LABEL = 75;
const ACTION = /^[A-Za-z0-9_-]{1,64}$/;
const CHANNEL = /^[CDG][A-Z0-9]+$/i;
const STYLES: readonly unknown[] = [undefined, "primary", "danger"];

/** What a click starts; the same for all buttons of a group. */
export interface ButtonGroup {
  readonly group: string;
  readonly workflow: string;
  readonly input: JsonText;
}

type Body = Readonly<Record<string, unknown>> & { readonly channel: string };

export function readButtonGroup(text: JsonText): ButtonGroup {
  const fields = parseJson(text);
  const group = isObject(fields) ? textOf(fields, "group") : null;
  const workflow = isObject(fields) ? textOf(fields, "workflow") : null;
  if (group === null || workflow === null) throw refused("a click needs a group and a workflow to start");
  return { group, workflow: workflow.trim(), input: sliceMembers(text).get("input") ?? toJsonText({}) };
}

/** The message with a signed value on every button of the group. */
export function signButtons<B extends Body>(body: B, group: ButtonGroup, taskId: string, values: ButtonValues): B {
  if (!CHANNEL.test(body.channel))
    throw refused(`the channel must be an id beginning with C, D or G, not ${body.channel}`);
  const text = body["text"];
  if (typeof text === "string" && Array.from(text).length > MAX_TEXT)
    throw refused(`the text has at most ${MAX_TEXT} characters`);
  const { channel } = body;
  const signed = (element: Arguments): Arguments => {
    const action = checkedAction(element);
    return { ...element, value: values.sign({ ...group, taskId, action, channel }) };
  };
  let count = 0;
  const blocks = (Array.isArray(body["blocks"]) ? (body["blocks"] as unknown[]) : []).map((block) => {
    if (!isGroupBlock(block, group.group)) return block;
    const elements = block["elements"] as Arguments[];
    count += elements.length;
    return { ...block, elements: elements.map(signed) };
  });
  if (count < 1 || count > MAX_BUTTONS) throw refused(`there are 1 to ${MAX_BUTTONS} buttons, not ${count}`);
  return { ...body, blocks };
}

/** Whether this is the block that holds the group's buttons. */
export function isGroupBlock(block: unknown, group: string): block is Arguments {
  return (
    isObject(block) && block["type"] === "actions" && block["block_id"] === group && Array.isArray(block["elements"])
  );
}

/** The label of an action in these blocks; the action itself where it is not found. */
export function labelOf(blocks: readonly unknown[], group: string, action: string): string {
  for (const block of blocks) {
    if (!isGroupBlock(block, group)) continue;
    const element = (block["elements"] as unknown[]).find((one) => isObject(one) && one["action_id"] === action);
    const text = isObject(element) && isObject(element["text"]) ? textOf(element["text"], "text") : null;
    if (text !== null) return text;
  }
  return action;
}

function checkedAction(element: Arguments): string {
  const action = element["action_id"];
  if (typeof action !== "string" || !ACTION.test(action))
    throw refused(`the action ${String(action)} is not [A-Za-z0-9_-]{1,64}`);
  const label = isObject(element["text"]) ? textOf(element["text"], "text") : null;
  if (label === null || Array.from(label).length > MAX_LABEL)
    throw refused(`the label of ${action} has 1 to ${MAX_LABEL} characters`);
  if (!STYLES.includes(element["style"])) throw refused(`the style of ${action} is none, primary or danger`);
  return action;
}

function refused(rule: string): ChironError {
  return new ChironError("bad_request", `slack_buttons: ${rule}`);
}
