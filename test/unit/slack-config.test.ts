// Whether Slack messages leave: flag, file, token and command together.
import { expect, test } from "vitest";
import { outboxConfig } from "../../src/config/effects-outbox.ts";
import { slackConfig, slackMode, type SlackMode } from "../../src/config/effects-slack.ts";

const TOKEN = { SLACK_BOT_TOKEN: "xoxb-1" };

test.each<
  [string, Record<string, string>, SlackMode | undefined, SlackMode | undefined, "dev" | "local" | "serve", SlackMode]
>([
  ["dev with a token", TOKEN, undefined, undefined, "dev", "outbox"],
  ["a command with a token", TOKEN, undefined, undefined, "local", "outbox"],
  ["dev that the file makes live", TOKEN, "live", undefined, "dev", "live"],
  ["dev that the flag makes live", TOKEN, undefined, "live", "dev", "live"],
  ["a flag against the file", TOKEN, "live", "outbox", "dev", "outbox"],
  ["serve with a token", TOKEN, undefined, undefined, "serve", "live"],
  ["serve with a blank token", { SLACK_BOT_TOKEN: " " }, undefined, undefined, "serve", "outbox"],
  ["serve that the file keeps in", TOKEN, "outbox", undefined, "serve", "outbox"],
])("%s", (_, env, slack, flag, mode, wanted) => {
  expect(slackMode(slackConfig(env, slack ? { slack } : {}, flag), mode)).toBe(wanted);
});

test("live without a token is refused", () => {
  expect(() => slackMode(slackConfig({}, { slack: "live" }), "serve")).toThrow("there is no token");
});

test("the override wins, blank variables count as unset, and an address loses its last slash", () => {
  const config = slackConfig({
    ...TOKEN,
    SLACK_BOT_TOKEN_OVERRIDE: "xoxb-2",
    SLACK_API_URL: "http://x/api/",
    CENTAUR_JWT_SIGNING_SECRET: " ",
  });
  expect(config).toMatchObject({ token: "xoxb-2", apiUrl: "http://x/api", signingSecret: undefined });
  expect(slackConfig({ ...TOKEN, SLACK_BOT_TOKEN_OVERRIDE: "" })).toMatchObject({
    token: "xoxb-1",
    apiUrl: "https://slack.com/api",
  });
  expect(() => slackConfig({ SLACK_API_URL: "slack.com" })).toThrow('SLACK_API_URL is "slack.com"');
});

test("the outbox has bounds unless told otherwise", () => {
  expect(outboxConfig()).toEqual({ content: "full", keep: 10_000, keepForMs: 14 * 86_400_000 });
  expect(outboxConfig({ outbox: "meta", outbox_keep: 5, outbox_keep_for: 1_000 })).toEqual({
    content: "meta",
    keep: 5,
    keepForMs: 1_000,
  });
});
