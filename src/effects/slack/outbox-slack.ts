// Slack when nothing may be posted: every call is answered like an accepted one, the same whenever it is made again, and nothing leaves.
import { createHash } from "node:crypto";
import { slackClientMessageId } from "../../core/keys.ts";
import type { EffectContext } from "../../ports/effects.ts";
import type { Slack } from "./slack-port.ts";

export interface KeptMessage {
  readonly channel: string;
  readonly text: string;
  readonly updated: boolean;
}

export interface OutboxSlackDeps {
  /** Told of every message that would have been posted or changed. */
  readonly told: (message: KeptMessage, context: EffectContext) => void;
  /** Whether a message with this client_msg_id was posted; the newest of its ts. */
  readonly posted: (clientMessageId: string) => Promise<boolean>;
}

interface Fields {
  readonly channel: string;
  readonly text?: string;
  readonly ts?: string;
  readonly blocks?: unknown;
  readonly client_msg_id?: string;
}

/** Slack without a token: nothing leaves this machine. */
export function createOutboxSlack({ told, posted }: OutboxSlackDeps): Slack {
  return {
    nature: "stubbed",
    by: "outbox",
    async call(method, body, context) {
      const { channel, text, ts, blocks, client_msg_id: id = "" } = body as unknown as Fields;
      switch (method) {
        case "chat.postMessage": {
          told({ channel, text: text ?? "", updated: false }, context);
          return {
            ok: true,
            channel,
            ts: stableTs(slackClientMessageId(context.taskId, context.ordinal)),
            message: { text, blocks },
          };
        }
        case "chat.update":
          told({ channel, text: text ?? "", updated: true }, context);
          return { ok: true, channel, ts, text: text ?? "" };
        default: {
          return { ok: true, messages: (await posted(id)) ? [{ client_msg_id: id, ts: stableTs(id) }] : [] };
        }
      }
    },
  };
}

/** A timestamp in Slack's form that is the same whenever the same call is made again. */
function stableTs(clientMessageId: string): string {
  const digest = createHash("sha256").update(clientMessageId).digest();
  const seconds = 1_000_000_000 + (digest.readUInt32BE(0) % 1_000_000_000);
  return `${seconds}.${String(digest.readUInt32BE(4) % 1_000_000).padStart(6, "0")}`;
}
