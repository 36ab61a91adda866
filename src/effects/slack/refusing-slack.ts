// Slack that refuses some calls with an error of its own, so that a scenario can see what a workflow does then. Everything else goes through.
import type { Slack } from "./slack-port.ts";
import { refusal } from "./slack-refusal.ts";

export interface SlackRefusalRule {
  /** Absent: every channel. */
  readonly channel?: string | undefined;
  /** Absent: every call. */
  readonly call?: "post" | "update" | "find" | undefined;
  /** Slack's word, such as channel_not_found. */
  readonly error: string;
}

const CALLS: Readonly<Record<string, SlackRefusalRule["call"]>> = {
  "chat.postMessage": "post",
  "chat.update": "update",
};

/** `slack` behind these rules; the first that fits refuses. */
export function createRefusingSlack(slack: Slack, rules: readonly SlackRefusalRule[]): Slack {
  return {
    nature: slack.nature,
    by: slack.by,
    async call(method, body, context) {
      const call = CALLS[method] ?? "find";
      const rule = rules.find(
        (one) =>
          (one.call === undefined || one.call === call) &&
          (one.channel === undefined || one.channel === body["channel"]),
      );
      if (rule) throw refusal(method, body, { ok: false, error: rule.error }, 200);
      return slack.call(method, body, context);
    },
  };
}
