// A Slack message as lines of text: what a person would see in the channel, as far as a terminal can show it.
import { printable } from "./output.ts";

type Fields = Readonly<Record<string, unknown>>;

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** The message of a post_to_slack or update_slack request; null for any other value. */
export function slackMessage(request: unknown): Fields | null {
  if (!isFields(request)) return null;
  if (isFields(request["message"])) return request["message"];
  return "channel" in request ? { ...(isFields(request["args"]) ? request["args"] : {}), ...request } : null;
}

/** Its lines; the text alone where there are no blocks. */
export function messageLines(message: Fields): string[] {
  const blocks = list(message["blocks"]);
  const lines = blocks.length > 0 ? blocks.flatMap(blockLines) : textLines(message["text"]);
  return lines.map(printable);
}

function blockLines(block: unknown): string[] {
  if (!isFields(block)) return [];
  switch (block["type"]) {
    case "header":
      return textLines(block["text"]).map((line) => line.toUpperCase());
    case "section": {
      const fields = list(block["fields"]).flatMap(textLines);
      return [...textLines(block["text"]), ...fields, ...elementLine([block["accessory"]])];
    }
    case "context":
      return [list(block["elements"]).flatMap(textLines).join("  ")];
    case "divider":
      return ["────────"];
    case "actions":
      return elementLine(list(block["elements"]));
    case "image":
      return [`(image: ${textLines(block["alt_text"] ?? block["image_url"]).join(" ")})`];
    case "rich_text":
      return richText(block).split("\n");
    default:
      return [`(${String(block["type"])})`];
  }
}

/** A text, an object with one, or nothing. */
function textLines(value: unknown): string[] {
  const text = isFields(value) ? (value["text"] ?? value["alt_text"]) : value;
  return typeof text === "string" && text !== "" ? text.split("\n") : [];
}

/** Buttons and the like as `[ Label ]`, each with the action that a click names. */
function elementLine(elements: readonly unknown[]): string[] {
  const shown = elements.filter(isFields).map((element) => {
    const label = textLines(element["text"] ?? element["placeholder"]).join(" ") || String(element["type"]);
    const action = element["action_id"];
    return `[ ${label} ]${typeof action === "string" ? ` ${action}` : ""}`;
  });
  return shown.length > 0 ? [shown.join("   ")] : [];
}

function richText(part: Fields): string {
  const own = typeof part["text"] === "string" ? part["text"] : typeof part["url"] === "string" ? part["url"] : "";
  const inner = list(part["elements"]).filter(isFields).map(richText);
  const separator = part["type"] === "rich_text_list" ? "\n" : "";
  return own + inner.map((text) => (separator === "" ? text : `• ${text}`)).join(separator);
}
