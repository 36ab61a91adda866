// The Slack calls of a workflow: post, update, find, and what a message with buttons shows of a click. Buttons are checked and signed before
// anything is posted. Whether messages leave is the business of the Slack behind it.
import { ChironError } from "../../core/errors.ts";
import { toJsonText, type JsonText } from "../../core/json-text.ts";
import type { EffectContext, EffectHandler } from "../../ports/effects.ts";
import { readArguments } from "../arguments.ts";
import type { ButtonValues } from "./button-values.ts";
import { FEEDBACK_STATES, feedbackOf, type ClickedTask } from "./button-feedback.ts";
import { readButtonGroup, signButtons, type ButtonGroup } from "./buttons.ts";
import { findMessage } from "./find-message.ts";
import { postedMessage, updatedMessage, type Message } from "./messages.ts";
import type { Slack } from "./slack-port.ts";

export interface SlackDeps {
  readonly slack: Slack;
  /** Null: this deployment has no key to sign buttons with. */
  readonly buttons: ButtonValues | null;
  /** The task, when a click started it. */
  readonly clicked: (taskId: string) => Promise<ClickedTask | null>;
}

/** Answers all Slack calls. */
export function createSlack(deps: SlackDeps): EffectHandler {
  const { slack } = deps;
  return {
    types: new Set(["ctx.post_to_slack", "ctx.update_slack", "ctx.find_slack_message", "ctx.slack_button"]),
    describe: () => ({ nature: slack.nature, by: slack.by }),
    async call(type, args, context) {
      switch (type) {
        case "ctx.post_to_slack":
          return post(args, context, deps);
        case "ctx.update_slack":
          return update(updatedMessage(args), context.taskId, context, deps);
        case "ctx.find_slack_message":
          return toJsonText(await findMessage(slack, args, context));
        default:
          return feedback(args, context, deps);
      }
    },
  };
}

async function post(args: JsonText, context: EffectContext, deps: SlackDeps): Promise<JsonText> {
  const body = withButtons(postedMessage(args, context), context.taskId, deps);
  const { channel = body.channel, ts } = await deps.slack.call("chat.postMessage", body, context);
  if (typeof ts === "string") return toJsonText({ channel, ts });
  throw new ChironError("upstream", "Slack chat.postMessage: the answer has no ts");
}

async function update(message: Message, signer: string, context: EffectContext, deps: SlackDeps): Promise<JsonText> {
  return toJsonText(await deps.slack.call("chat.update", withButtons(message, signer, deps), context));
}

async function feedback(args: JsonText, context: EffectContext, deps: SlackDeps): Promise<JsonText> {
  const given = readArguments(args)["state"];
  const state = FEEDBACK_STATES.find((one) => one === given);
  if (!state) throw new ChironError("bad_request", `slack_button: the state is one of ${FEEDBACK_STATES.join(", ")}`);
  const task = await deps.clicked(context.taskId);
  const shown = task && feedbackOf(task, state);
  if (!shown) return toJsonText({ ok: false, skipped: "no click with its message started this run" });
  const { message, group, sourceTaskId } = shown;
  const body = group ? signed(message.body, group, sourceTaskId, deps) : message.body;
  await deps.slack.call("chat.update", body, context);
  return toJsonText({ ok: true, channel: body.channel, ts: body["ts"] });
}

function withButtons({ body, buttons }: Message, taskId: string, deps: SlackDeps): Message["body"] {
  return buttons === null ? body : signed(body, readButtonGroup(buttons), taskId, deps);
}

function signed(body: Message["body"], group: ButtonGroup, taskId: string, { buttons }: SlackDeps): Message["body"] {
  if (buttons) return signButtons(body, group, taskId, buttons);
  throw new ChironError("unavailable", "slack_buttons: there is no key to sign the buttons with", {
    hint: "Set CENTAUR_JWT_SIGNING_SECRET on every process of this deployment.",
  });
}
