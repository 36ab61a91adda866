// Puts together what workflows reach outside: Slack as the configuration wants it, the outbox around every call, and the outbox's bounds.
import { randomBytes } from "node:crypto";
import path from "node:path";
import type { RuntimeOptions } from "./cli/wiring.ts";
import type { Config } from "./config/config.ts";
import { slackMode, type SlackMode } from "./config/effects-slack.ts";
import type { Bus } from "./core/bus.ts";
import { messageOf } from "./core/errors.ts";
import { createIdSource, type RunId, type TaskId } from "./core/ids.ts";
import { createEffects } from "./effects/effects.ts";
import { createOutbox, type Outbox } from "./effects/outbox.ts";
import { openRecordings, type WithRecordings } from "./effects/recordings/recordings.ts";
import { createOutboxRetention } from "./effects/outbox-retention.ts";
import { createButtonValues, type ButtonValues } from "./effects/slack/button-values.ts";
import type { ClickedTask } from "./effects/slack/button-feedback.ts";
import { createLiveSlack } from "./effects/slack/live-slack.ts";
import { localButtonKey } from "./effects/slack/local-button-key.ts";
import { createOutboxSlack, type KeptMessage } from "./effects/slack/outbox-slack.ts";
import { createRefusingSlack } from "./effects/slack/refusing-slack.ts";
import { createSlack } from "./effects/slack/slack.ts";
import type { Slack } from "./effects/slack/slack-port.ts";
import type { Service } from "./engine/service.ts";
import type { Clock } from "./ports/clock.ts";
import type { EffectContext, EffectHandler, Effects } from "./ports/effects.ts";
import type { Store } from "./ports/store.ts";

export interface OutsideParts {
  readonly clock: Clock;
  readonly realClock: Clock;
  readonly bus: Bus;
  readonly store: Store;
}

export interface Outside {
  readonly effects: Effects;
  /** Null: there is no key to sign buttons with. */
  readonly buttons: ButtonValues | null;
  readonly slack: SlackMode;
  /** Keeps the outbox within its bounds, where this process works on runs. */
  readonly retention: Service;
}

/** Everything outside, with these handlers beside Slack. `mask` hides secrets in what is kept. Throws config_invalid. */
export function createOutside(
  config: Config,
  { mode }: Pick<RuntimeOptions, "mode">,
  parts: OutsideParts,
  handlers: readonly EffectHandler[],
  mask: (text: string) => string = (text) => text,
): Outside {
  const { clock, bus, store } = parts;
  const buttons = buttonsOf(config, mode, parts);
  const chosen = slackMode(config.slack, mode);
  const slack = createSlack({
    slack: slackOf(chosen, config, parts),
    buttons,
    clicked: (taskId) => clickedTask(store, taskId),
  });
  const { keep, keepForMs } = config.outbox;
  return {
    effects: createEffects(
      [...handlers, slack].map(recordingsOf(config, clock, mask)),
      outboxOf(config, mode, parts, mask),
    ),
    buttons,
    slack: chosen,
    retention: createOutboxRetention({ store: store.effects, clock, bus, bounds: { keep, keepForMs } }),
  };
}

/** Around every handler, so that the outbox says what was played. */
function recordingsOf({ recordings }: Config, clock: Clock, mask: (text: string) => string): WithRecordings {
  return recordings === null ? (handler) => handler : openRecordings({ ...recordings, clock, mask });
}

function outboxOf(
  config: Config,
  mode: RuntimeOptions["mode"],
  { clock, bus, store }: OutsideParts,
  mask: (text: string) => string,
): Outbox | null {
  const content = mode === "serve" ? config.outbox.content : "full";
  if (content === "off") return null;
  const ids = createIdSource(() => clock.now(), randomBytes);
  return createOutbox({ store: store.effects, clock, bus, ids, content, mask });
}

/** A key of this machine's own only where one process is the whole deployment. */
function buttonsOf(config: Config, mode: RuntimeOptions["mode"], { clock, bus }: OutsideParts): ButtonValues | null {
  const { signingSecret, buttonTtlMs } = config.slack;
  if (signingSecret !== undefined) return createButtonValues(signingSecret, buttonTtlMs, () => clock.now());
  if (mode === "serve") return null;
  // Made when the first button needs it: a project without buttons has no such file.
  let made: ButtonValues | null = null;
  const local = (): ButtonValues => {
    if (made) return made;
    const { secret, file } = localButtonKey(path.dirname(config.storePath));
    bus.publish({ type: "slack.local_key", file });
    return (made = createButtonValues(secret, buttonTtlMs, () => clock.now()));
  };
  return { sign: (payload) => local().sign(payload), verify: (value) => local().verify(value) };
}

function slackOf(mode: SlackMode, { slack }: Config, parts: OutsideParts): Slack {
  if (mode === "live") return createLiveSlack({ apiUrl: slack.apiUrl, token: slack.token!, clock: parts.realClock });
  const outbox = createOutboxSlack({
    told: (message, context) => tell(message, context, parts),
    posted: (id) => wasPosted(parts.store, id),
  });
  return slack.refusals ? createRefusingSlack(outbox, slack.refusals) : outbox;
}

/** A line in the log of the run: what would have been seen in Slack is seen there. */
function tell(
  { channel, text, updated }: KeptMessage,
  context: EffectContext,
  { bus, clock, store }: OutsideParts,
): void {
  const { taskId, workflowName } = context;
  const runId = context.runId as RunId;
  const message = `Slack ${updated ? "update" : "message"} kept in the outbox, not sent to ${channel}: ${text}`;
  const line = { level: "info", source: "chiron", message, fields: null } as const;
  bus.publish({ type: "run.log", taskId, runId, workflowName, ...line });
  store.logs.append([{ taskId, runId, at: clock.now(), ...line }]).catch((error: unknown) => {
    bus.publish({ type: "service.error", service: "logs", message: messageOf(error) });
  });
}

/** Only the API's actions route makes tasks of this cause, so no input can pretend to be a click. */
async function clickedTask(store: Store, taskId: string): Promise<ClickedTask | null> {
  const task = (await store.reads.find(taskId))?.task;
  return task?.cause.kind === "action" ? task : null;
}

const POSTED_KEY = /^([0-9a-f-]{36}):slack:/;

/** A client_msg_id begins with the task that posted it. */
async function wasPosted(store: Store, clientMessageId: string): Promise<boolean> {
  const taskId = POSTED_KEY.exec(clientMessageId)?.[1];
  if (taskId === undefined) return false;
  const sent = await store.effects.list({ taskId: taskId as TaskId, kind: "slack", state: "done", limit: 1_000 });
  return sent.some(({ key }) => key === clientMessageId);
}
