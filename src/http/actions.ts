// Clicks on buttons in Slack (reference behaviour, sections 5.1 and 8.5): passed on by whoever receives them from Slack, or tried out on a
// message that stayed in the outbox. Both go the same way: the button's signed value says what starts.
import { randomUUID } from "node:crypto";
import { z } from "zod";
import { isIncomplete } from "../core/effect-values.ts";
import { ChironError } from "../core/errors.ts";
import { parseJson, sliceMembers } from "../core/json-text.ts";
import { isObject, textOf } from "../effects/arguments.ts";
import type { ButtonValues } from "../effects/slack/button-values.ts";
import { readButtonGroup, signButtons } from "../effects/slack/buttons.ts";
import { readClick, type ClickRequest } from "../effects/slack/click.ts";
import type { Effect } from "../ports/store-effects.ts";
import { CreateAnswer, ErrorAnswer } from "./answers.ts";
import type { ApiDeps } from "./deps.ts";
import { findEffect } from "./outbox.ts";
import { json } from "./responses.ts";
import { route, type Route } from "./route.ts";
import { createdRun } from "./wire.ts";

const KEY_LIMIT = 512;
const object = z.record(z.string(), z.unknown());

const InvokeBody = z.object({
  button: z
    .union([z.string(), object])
    .describe("The button's signed value, or the element that carries it as `value`."),
  click: object.describe("Who clicked, where: user, channel, message_ts … Becomes part of the run's input as `click`."),
  idempotency_key: z
    .string()
    .max(KEY_LIMIT)
    .refine((text) => text.trim() !== "", "must not be empty")
    .describe("One run for one click, however often it is passed on."),
  message: object.nullish().describe("The message with the button: then it shows what becomes of the click."),
});

const ClickBody = z.object({
  action: z.string().max(64).describe("Which button."),
  user: z.string().max(200).nullish().describe("Who is to have clicked."),
});

/** The create call's answer; a schema for each route, because the document names them. */
const startedAnswer = () => z.object({ ...CreateAnswer.shape });

export function actionRoutes(deps: ApiDeps): Route[] {
  const tryOut = deps.info.mode === "serve" ? [] : [clickRoute(deps)];
  return [invokeRoute(deps), ...tryOut];
}

function invokeRoute(deps: ApiDeps): Route {
  return route({
    method: "POST",
    path: "/api/workflows/actions/invoke",
    name: "invokeAction",
    summary: "A click on a button in Slack: starts the button's workflow with the click in its input.",
    access: "write",
    body: InvokeBody,
    answers: {
      200: { description: "Queued, or the run that this click started before.", schema: startedAnswer() },
      404: { description: "The button's workflow is gone.", schema: ErrorAnswer },
    },
    handle: ({ body }) =>
      invoke(deps, {
        button: body.button,
        click: body.click,
        message: body.message ?? null,
        idempotencyKey: body.idempotency_key,
      }),
  });
}

function clickRoute(deps: ApiDeps): Route {
  return route({
    method: "POST",
    path: "/api/outbox/{id}/click",
    name: "clickInOutbox",
    summary: "Try a button of a message in the outbox, as if somebody had clicked on it in Slack. Not on a server.",
    access: "write",
    params: z.object({ id: z.string().max(256) }),
    body: ClickBody,
    answers: {
      200: { description: "The run that the click started.", schema: startedAnswer() },
      409: { description: "It is no message with buttons.", schema: ErrorAnswer },
    },
    async handle({ params, body }) {
      const { element, message } = clickable(await findEffect(deps, params.id), body.action, valuesOf(deps));
      const name = body.user?.trim() || "you";
      const user = /^[UW][A-Z0-9]{4,}$/.test(name) ? { id: name } : { id: null, name };
      const click = { user, channel: message["channel"], message_ts: message["ts"], via: "outbox" };
      return invoke(deps, { button: element, click, message, idempotencyKey: randomUUID() });
    },
  });
}

async function invoke(deps: ApiDeps, request: ClickRequest): Promise<Response> {
  const { workflowName, input, idempotencyKey, taskId } = readClick(request, valuesOf(deps), deps.clock.now());
  const cause = { kind: "action", ref: taskId } as const;
  return json(createdRun(await deps.engine.createRun({ workflowName, input, idempotencyKey, cause })));
}

function valuesOf({ buttons }: ApiDeps): ButtonValues {
  if (buttons) return buttons;
  throw new ChironError("unavailable", "there is no key to read the values of buttons with", {
    hint: "Set CENTAUR_JWT_SIGNING_SECRET on every process of this deployment.",
  });
}

/** The button of a posted message with its value, which the outbox does not keep. */
function clickable(effect: Effect, action: string, values: ButtonValues) {
  const { id, callType, request, answer, taskId } = effect;
  const refuse = (why: string): ChironError => new ChironError("conflict", `effect ${id} ${why}`);
  if (callType !== "ctx.post_to_slack") throw refuse("is not a posted message");
  const sent = request === null ? null : parseJson(request);
  if (isIncomplete(sent)) throw refuse("is too large to be kept whole");
  const args = isObject(sent) && isObject(sent["args"]) ? sent["args"] : null;
  if (!isObject(sent) || !args || !isObject(args["buttons"])) throw refuse("has no buttons");
  const posted = answer === null ? null : parseJson(answer);
  const ts = isObject(posted) ? textOf(posted, "ts") : null;
  if (ts === null) throw refuse("was not posted");
  const group = readButtonGroup(sliceMembers(sliceMembers(request!).get("args")!).get("buttons")!);
  const body = { channel: String(sent["channel"]), ts, text: sent["text"], blocks: args["blocks"] };
  const message = signButtons(body, group, taskId, values);
  const elements = (message["blocks"] as unknown[]).flatMap((block) =>
    isObject(block) && block["block_id"] === group.group ? (block["elements"] as Record<string, unknown>[]) : [],
  );
  const element = elements.find((one) => one["action_id"] === action);
  if (element) return { element, message };
  throw new ChironError("not_found", `the message has no button ${action}`, {
    hint: `Its buttons: ${elements.map((one) => String(one["action_id"])).join(", ")}.`,
  });
}
