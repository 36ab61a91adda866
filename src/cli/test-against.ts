// Scenarios against a server: the same requests over the network, signed with this environment's secrets. Its time is the world's, its
// effects are its own, and a scenario that needs more than that is skipped with the reason.
import type { Config } from "../config/config.ts";
import { ChironError } from "../core/errors.ts";
import type { BenchEngine } from "../scenarios/bench.ts";
import type { Scenario } from "../scenarios/format.ts";
import type { WebhookSpec } from "../webhooks/spec.ts";
import type { TestBench } from "./wiring.ts";

/** A bench that sends to `url`; which webhooks there are, and how they are signed, the local folders say. */
export async function openServerBench(local: TestBench, config: Config, url: string): Promise<TestBench> {
  const base = url.replace(/\/+$/, "");
  if (!/^https?:$/.test(URL.parse(base)?.protocol ?? "")) {
    await local.close();
    throw new ChironError("bad_request", `--against: ${url} is not an http or https address`);
  }
  const hooks = await hooksOf(local);
  const [key] = config.envKeys;
  const headers: Record<string, string> = {
    "x-chiron-client": "cli",
    ...(key ? { authorization: `Bearer ${key}` } : {}),
  };
  return {
    loaded: () => local.loaded(),
    refuses: whatItCannot,
    open: async (order) => serverEngine(base, headers, hooks, (name) => order.secrets[name] ?? config.env[name]),
    close: () => local.close(),
  };
}

async function hooksOf(local: TestBench): Promise<ReadonlyMap<string, WebhookSpec>> {
  const engine = await local.open({
    startMs: Date.now(),
    secrets: {},
    env: {},
    stubs: {},
    schedules: false,
    from: null,
    onBoundary: () => Promise.resolve(),
  });
  const hooks = new Map(engine.slugs().map((slug) => [slug, engine.hook(slug)!]));
  await engine.close();
  return hooks;
}

function serverEngine(
  base: string,
  headers: Readonly<Record<string, string>>,
  hooks: ReadonlyMap<string, WebhookSpec>,
  secret: (name: string) => string | undefined,
): BenchEngine {
  return {
    target: { base, headers, fetch: (request) => fetch(request) },
    hook: (slug) => hooks.get(slug),
    slugs: () => [...hooks.keys()],
    secret,
    virtual: false,
    snapshot: null,
    keep: null,
    close: () => Promise.resolve(),
  };
}

function whatItCannot({ stubs = {}, env = {}, schedules, secrets = {} }: Scenario): string | null {
  const asked = [
    ...(Object.keys(stubs).length > 0 ? ["stubs"] : []),
    ...(Object.keys(env).length > 0 ? ["env"] : []),
    ...(schedules ? ["schedules"] : []),
    ...(Object.values(secrets).includes(null) ? ["secrets that are not set"] : []),
  ];
  return asked.length === 0 ? null : `a server cannot be given ${asked.join(", ")}`;
}
