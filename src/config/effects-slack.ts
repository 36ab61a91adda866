// Slack: members of section [effects] of chiron.toml, the reference's variables, and the flag --slack. Whether messages leave at all is
// decided here: a developer's machine posts nothing unless that was asked for by name.
import { z } from "zod";
import { ChironError } from "../core/errors.ts";
import type { SlackRefusalRule } from "../effects/slack/refusing-slack.ts";

const DEFAULT_API_URL = "https://slack.com/api";
/** A month: a message older than that has been answered, or nobody will. */
const DEFAULT_BUTTON_TTL_DAYS = 30;

/** Members of section [effects] about Slack. */
export const slackMembers = {
  slack: z.enum(["live", "outbox"]).optional(),
  slack_button_days: z.int().min(1).max(3_650).optional(),
};

const section = z.strictObject(slackMembers);
type SlackSection = z.infer<typeof section>;
export type SlackMode = "live" | "outbox";

export interface SlackConfig {
  /** What was asked for by name; null: live where a server has a token, the outbox everywhere else. */
  readonly asked: SlackMode | null;
  readonly apiUrl: string;
  /** SLACK_BOT_TOKEN_OVERRIDE, else SLACK_BOT_TOKEN. */
  readonly token: string | undefined;
  /** What the key of button values is derived from. */
  readonly signingSecret: string | undefined;
  readonly buttonTtlMs: number;
  /** Of a scenario: calls that are refused. */
  readonly refusals?: readonly SlackRefusalRule[];
}

type Environment = Readonly<Record<string, string | undefined>>;

/** A blank variable counts as unset (decision D13). Throws config_invalid. */
export function slackConfig(env: Environment, file: SlackSection = {}, flag?: SlackMode): SlackConfig {
  const filled = (name: string): string | undefined => env[name]?.trim() || undefined;
  const token = filled("SLACK_BOT_TOKEN_OVERRIDE") ?? filled("SLACK_BOT_TOKEN");
  const apiUrl = filled("SLACK_API_URL") ?? DEFAULT_API_URL;
  if (!/^https?:$/.test(URL.parse(apiUrl)?.protocol ?? "")) {
    throw new ChironError("config_invalid", `SLACK_API_URL is "${apiUrl}"`, {
      hint: `It must be an http or https address such as ${DEFAULT_API_URL}.`,
    });
  }
  return {
    asked: flag ?? file.slack ?? null,
    apiUrl: apiUrl.replace(/\/+$/, ""),
    token,
    signingSecret: filled("CENTAUR_JWT_SIGNING_SECRET"),
    buttonTtlMs: (file.slack_button_days ?? DEFAULT_BUTTON_TTL_DAYS) * 86_400_000,
  };
}

/** Where messages go. Throws config_invalid when live was asked for and there is no token. */
export function slackMode({ asked, token }: SlackConfig, mode: "dev" | "local" | "serve"): SlackMode {
  const chosen = asked ?? (mode === "serve" && token !== undefined ? "live" : "outbox");
  if (chosen === "outbox" || token !== undefined) return chosen;
  throw new ChironError("config_invalid", "Slack is to be live, and there is no token", {
    hint: "Set SLACK_BOT_TOKEN, or use --slack outbox (effects.slack in chiron.toml).",
  });
}
