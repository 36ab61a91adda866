// What the outbox says of a call beside its values: its kind, whom it is for, and the idempotency key that goes out with it.
import { parseJson, type JsonText } from "../core/json-text.ts";
import { agentExecutionKey, clientMessageId, slackClientMessageId, toolCallKey } from "../core/keys.ts";
import type { EffectContext } from "../ports/effects.ts";
import type { EffectKind } from "../ports/store-effects.ts";
import { isObject, textOf, type Arguments } from "./arguments.ts";

const KINDS: Readonly<Record<string, EffectKind>> = {
  "ctx.agent_turn": "agent",
  "ctx.run_agents": "agent",
  "ctx.call_tool": "tool",
  "ctx.post_to_slack": "slack",
  "ctx.update_slack": "slack",
  "ctx.find_slack_message": "slack",
  "ctx.slack_button": "slack",
  "ctx.http": "http",
};
const TARGET_LIMIT = 200;

export interface DescribedCall {
  readonly kind: EffectKind;
  readonly target: string | null;
  readonly key: string | null;
}

/** Never throws: a call whose arguments are wrong is recorded as well. */
export function describeCall(type: string, text: JsonText, context: EffectContext): DescribedCall {
  const kind = KINDS[type] ?? "other";
  const args = parsed(text);
  const target = targetOf(kind, args, context);
  return { kind, target: target === null ? null : target.slice(0, TARGET_LIMIT), key: keyOf(type, args, context) };
}

function parsed(text: JsonText): Arguments {
  try {
    const value = parseJson(text);
    return isObject(value) ? value : {};
  } catch {
    return {};
  }
}

function targetOf(kind: EffectKind, args: Arguments, context: EffectContext): string | null {
  switch (kind) {
    case "slack": {
      const message = isObject(args["message"]) ? args["message"] : args;
      return textOf(message, "channel");
    }
    case "tool":
      return `${textOf(args, "tool") ?? "?"}.${textOf(args, "method") ?? "?"}`;
    case "agent": {
      const agents = args["agents"];
      if (Array.isArray(agents)) return `${agents.length} agents`;
      return textOf(args, "harness_type", "harness") ?? context.harnessType;
    }
    case "http":
      return textOf(args, "url");
    case "other":
      return null;
  }
}

/** The reference's shapes (reference behaviour, section 2.2); a call without one there has the task and the ordinal. */
function keyOf(type: string, args: Arguments, { taskId, ordinal }: EffectContext): string | null {
  switch (type) {
    case "ctx.post_to_slack":
      return slackClientMessageId(taskId, ordinal);
    case "ctx.agent_turn": {
      const given = textOf(args, "idempotency_key", "execution_idempotency_key");
      const message = textOf(args, "message_id", "client_message_id") ?? clientMessageId(taskId, ordinal);
      return given ?? agentExecutionKey(message);
    }
    case "ctx.run_agents":
      return agentExecutionKey(clientMessageId(taskId, ordinal));
    case "ctx.call_tool":
      return toolCallKey(taskId, ordinal);
    default:
      return null;
  }
}
