// What `chiron doctor` says of Slack: where messages go, and what buttons are signed with. Slack is not asked.
import { slackMode } from "../config/effects-slack.ts";
import { ChironError } from "../core/errors.ts";
import type { Examination } from "./examination.ts";

export const checkSlack: Examination = ({ config }) => {
  const { slack } = config;
  try {
    const dev =
      slackMode(slack, "dev") === "live" ? `dev posts to ${slack.apiUrl}` : "dev keeps messages in the outbox";
    const serve = slackMode(slack, "serve") === "live" ? `serve posts to ${slack.apiUrl}` : "serve keeps them, too";
    const message = `${dev}, ${serve}`;
    if (slack.token === undefined || slack.signingSecret !== undefined) return { name: "slack", status: "ok", message };
    return {
      name: "slack",
      status: "warn",
      message: `${message}: buttons cannot be posted by serve`,
      fix: "Set CENTAUR_JWT_SIGNING_SECRET, the same on every process, if workflows use ctx.slack_buttons.",
    };
  } catch (error) {
    if (!(error instanceof ChironError)) throw error;
    return { name: "slack", status: "fail", message: error.message, ...(error.hint ? { fix: error.hint } : {}) };
  }
};
