// The composition root's part for `chiron test`: engines with an empty store and a clock of their own, on workflow code that is loaded once.
// Nothing leaves this machine: Slack goes to the outbox, agents and tools are stubbed or local, and nothing of the project's store is touched.
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { createMovableClock } from "../adapters/node/movable-clock.ts";
import { REAL_CLOCK } from "../adapters/node/real-clock.ts";
import { copySqlite } from "../adapters/sqlite/inspect.ts";
import { openSqlite } from "../adapters/sqlite/open.ts";
import { EMPTY_CATALOG } from "./catalog/catalog.ts";
import { mergeCatalog } from "./catalog/merge.ts";
import type { TestBench } from "./cli/wiring.ts";
import type { Config } from "./config/config.ts";
import type { Bus } from "./core/bus.ts";
import { ChironError } from "./core/errors.ts";
import type { Mask } from "./core/redaction.ts";
import type { MovableClock } from "./ports/clock.ts";
import type { WorkflowHost } from "./ports/host.ts";
import type { Store } from "./ports/store.ts";
import { createTestDatabases, type TestDatabases } from "./wire-test-databases.ts";
import type { startRuntime } from "./runtime.ts";
import type { BenchEngine, EngineOrder } from "./scenarios/bench.ts";
import { secretsFor } from "./scenarios/made-up-secrets.ts";
import { hostFor, type LoadedHost } from "./scenarios/shared-host.ts";
import { writeAgentScript, writeToolStubs } from "./scenarios/stub-files.ts";
import { createMaskedBus } from "./secrets/masked-bus.ts";
import { maskedStore } from "./secrets/masked-store.ts";

export interface ScenarioParts {
  readonly version: string;
  readonly mask: Mask;
  /** A host for the configuration's folders with this environment, which has started nothing yet. */
  readonly createHost: (config: Config, stateDir: string, bus: Bus) => WorkflowHost;
  readonly startRuntime: typeof startRuntime;
}

interface Shared {
  readonly real: WorkflowHost;
  readonly loaded: Promise<LoadedHost>;
}

/** How long a stop waits for a step that does not end, in ms. */
const GRACE_MS = 500;

/** A bench for `config`'s workflow folders. Kept stores go to `keepDir`. */
export function createTestBench(config: Config, keepDir: string, parts: ScenarioParts): TestBench {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "chiron-test-"));
  const hosts = new Map<string, Shared>();
  const databases = config.storeKind === "postgres" ? createTestDatabases(config, folder) : null;
  let engines = 0;
  const hostOf = (env: Readonly<Record<string, string>>): Shared => {
    const key = JSON.stringify(Object.entries(env).toSorted(([a], [b]) => (a < b ? -1 : 1)));
    const known = hosts.get(key);
    if (known) return known;
    const real = parts.createHost(
      { ...config, env: { ...config.env, ...env } },
      path.join(folder, `host${hosts.size}`),
      createMaskedBus(parts.mask),
    );
    const made = { real, loaded: loadOnce(real) };
    made.loaded.catch(() => null);
    hosts.set(key, made);
    return made;
  };
  return {
    loaded: () => hostOf({}).loaded.then(({ discovery }) => discovery),
    async open(order) {
      engines += 1;
      const keepFile = path.join(keepDir, `${engines}.db`);
      const dir = path.join(folder, `engine${engines}`);
      fs.mkdirSync(dir);
      const { real, loaded } = hostOf(order.env);
      const host = hostFor(real, await loaded, order);
      return openEngine({ config, order, parts, dir, host, databases, keepFile });
    },
    async close() {
      for (const { real, loaded } of hosts.values()) {
        await loaded.catch(() => null);
        await real.close();
      }
      await databases?.close();
      fs.rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function loadOnce(host: WorkflowHost): Promise<LoadedHost> {
  const loaded = await host.load();
  if (loaded) return loaded;
  throw new ChironError("host_failed", "the workflow folders could not be loaded");
}

interface EngineParts {
  readonly config: Config;
  readonly order: EngineOrder;
  readonly parts: ScenarioParts;
  readonly dir: string;
  readonly host: WorkflowHost;
  readonly databases: TestDatabases | null;
  readonly keepFile: string;
}

async function openEngine(given: EngineParts): Promise<BenchEngine> {
  const { order, parts, dir, host, databases, keepFile } = given;
  const clock = standingClock(order.startMs);
  const bus = createMaskedBus(parts.mask);
  const storePath = path.join(dir, "chiron.db");
  if (order.from !== null) fs.renameSync(order.from, storePath);
  const database = await databases?.create();
  const config = await configFor(given, storePath, database?.url);
  const opened: Store = database
    ? await database.open(clock)
    : await openSqlite({ path: storePath, clock, synchronous: "normal" });
  const runtime = await parts.startRuntime(
    config,
    { work: true, load: true, watch: false, schedule: order.schedules, mode: "local" },
    {
      clock,
      realClock: REAL_CLOCK,
      movable: clock,
      bus,
      store: maskedStore(opened, parts.mask),
      host,
      mask: parts.mask,
      watcher: null,
      version: parts.version,
      closed: async () => database?.drop(),
    },
  );
  const { webhooks } = runtime.catalog.current();
  let copies = 0;
  const close = async (): Promise<void> => {
    await runtime.close();
    fs.rmSync(dir, { recursive: true, force: true });
  };
  return {
    target: { base: "http://localhost", fetch: (request) => runtime.fetch(request) },
    hook: (slug) => webhooks.get(slug)?.spec,
    slugs: () => [...webhooks.keys()],
    secret: (name) => config.env[name],
    virtual: true,
    snapshot: database
      ? null
      : async () => {
          copies += 1;
          // Beside the folder, which goes with this engine.
          const copy = `${dir}-${copies}.db`;
          copySqlite(storePath, copy);
          return copy;
        },
    keep: database
      ? null
      : async () => {
          fs.mkdirSync(path.dirname(keepFile), { recursive: true });
          fs.rmSync(keepFile, { force: true });
          copySqlite(storePath, keepFile);
          return keepFile;
        },
    close,
  };
}

/** Stands at `startMs` until the scenario moves it; the world outside has the same time, so that signatures are of that time. */
function standingClock(startMs: number): MovableClock {
  let worldMs = startMs;
  const clock = createMovableClock({ now: () => worldMs, sleep: (ms, signal) => REAL_CLOCK.sleep(ms, signal) });
  clock.move(startMs, "frozen");
  return {
    ...clock,
    move(toMs, mode) {
      worldMs = toMs;
      clock.move(toMs, mode);
    },
  };
}

async function configFor(
  { config, order, dir, host }: EngineParts,
  storePath: string,
  databaseUrl: string | undefined,
): Promise<Config> {
  const loaded = (await host.load())!;
  const { webhooks } = mergeCatalog(EMPTY_CATALOG, loaded, { ...config.schedules, now: order.startMs });
  const { stubs } = order;
  const script = writeAgentScript(stubs, dir);
  const tools = writeToolStubs(stubs, dir);
  const secrets = secretsFor(
    [...webhooks.values()].map(({ spec }) => spec.auth),
    order.secrets,
  );
  return {
    ...config,
    env: { ...config.env, ...order.env, ...secrets },
    envKeys: [],
    host: "127.0.0.1",
    storePath,
    databaseUrl,
    graceMs: GRACE_MS,
    code: "newest",
    recordings: null,
    agents: {
      ...config.agents,
      harnesses: {},
      backend: script === null ? "local" : "scenario",
      backends: {
        local: { kind: "local" },
        ...(script === null ? {} : { scenario: { kind: "script", file: script } }),
      },
    },
    tools: { ...config.tools, mode: "live", program: null, apiUrl: undefined, ...(tools === null ? {} : { stubs: tools }) }, // prettier-ignore
    slack: { ...config.slack, asked: "outbox", ...(stubs.slack ? { refusals: stubs.slack } : {}) },
    webhooks: { ...config.webhooks, publicUrl: null, trustForwarded: false },
  };
}
