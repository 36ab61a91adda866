// Every sender that is known by name. What an `auth` makes of it is auth.ts's matter.
import type { Provider } from "./provider.ts";
import { bitbucket, jira } from "./providers/atlassian.ts";
import { discord } from "./providers/discord.ts";
import { github } from "./providers/github.ts";
import { gitlab } from "./providers/gitlab.ts";
import { intercom } from "./providers/intercom.ts";
import { linear } from "./providers/linear.ts";
import { pagerduty } from "./providers/pagerduty.ts";
import { sentry } from "./providers/sentry.ts";
import { shopify } from "./providers/shopify.ts";
import { slack } from "./providers/slack.ts";
import { square } from "./providers/square.ts";
import { standardWebhooks, svix } from "./providers/standard-webhooks.ts";
import { stripe } from "./providers/stripe.ts";
import { twilio } from "./providers/twilio.ts";
import { twitch } from "./providers/twitch.ts";
import { zoom } from "./providers/zoom.ts";

/** By the name that `auth` uses. */
const PROVIDERS = {
  github,
  gitlab,
  stripe,
  slack,
  standard_webhooks: standardWebhooks,
  svix,
  linear,
  shopify,
  twilio,
  zoom,
  discord,
  pagerduty,
  sentry,
  jira,
  bitbucket,
  twitch,
  square,
  intercom,
} as const satisfies Readonly<Record<string, Provider>>;

export type ProviderName = keyof typeof PROVIDERS;

export const PROVIDER_NAMES = Object.keys(PROVIDERS) as readonly ProviderName[];

export function isProviderName(name: string): name is ProviderName {
  return Object.hasOwn(PROVIDERS, name);
}

export function providerNamed(name: ProviderName): Provider {
  return PROVIDERS[name];
}
