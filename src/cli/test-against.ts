// Scenarios against a server: the same requests over the network, signed with this environment's secrets. Its time is the world's, its
// effects are its own, and what a scenario would need beyond that is refused by name.
import type { Config } from "../config/config.ts";
import { ChironError } from "../core/errors.ts";
import type { BenchEngine, EngineOrder } from "../scenarios/bench.ts";
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
    open: async (order) => {
      refuseWhatItCannot(order);
      return serverEngine(base, headers, hooks, (name) => order.secrets[name] ?? config.env[name]);
    },
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

function refuseWhatItCannot({ stubs, env, schedules }: EngineOrder): void {
  const asked = [
    ...(Object.keys(stubs).length > 0 ? ["stubs"] : []),
    ...(Object.keys(env).length > 0 ? ["env"] : []),
    ...(schedules ? ["schedules"] : []),
  ];
  if (asked.length === 0) return;
  throw new ChironError("bad_request", `--against: a server cannot be given ${asked.join(", ")}`, {
    hint: "Leave this scenario out with -k, or run it without --against.",
  });
}
