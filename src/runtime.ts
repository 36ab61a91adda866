// Puts one runtime together from its parts: store, host, catalog, engine, API. Which adapters stand behind the ports is main.ts's choice.
import { randomUUID } from "node:crypto";
import path from "node:path";
import { toolCaller } from "./catalog/call-tool.ts";
import type { CatalogView } from "./catalog/catalog.ts";
import { CatalogLoader } from "./catalog/loader.ts";
import type { Runtime, RuntimeOptions } from "./cli/wiring.ts";
import type { Config } from "./config/config.ts";
import type { Bus } from "./core/bus.ts";
import { childEnvironment } from "./core/child-environment.ts";
import { ChironError } from "./core/errors.ts";
import type { Mask } from "./core/redaction.ts";
import { createAgents } from "./effects/agents/agents.ts";
import { AGENT_CALLS } from "./effects/agents/settings.ts";
import { createTools, type ToolDeps } from "./effects/tools/tools.ts";
import { createEngine, type RunningEngine } from "./engine/engine.ts";
import type { ScheduleControl } from "./engine/schedules/contract.ts";
import type { TimedSource } from "./engine/walkable.ts";
import { startReplays } from "./runtime-replay.ts";
import { createSchedules } from "./runtime-schedules.ts";
import type { Service } from "./engine/service.ts";
import { DEFAULT_SETTINGS, type EngineSettings } from "./engine/settings.ts";
import { TimeWalk } from "./engine/time-walk.ts";
import type { ApiDeps } from "./http/deps.ts";
import type { PageFiles } from "./http/page-files.ts";
import type { Listening } from "./http/server.ts";
import type { Clock, MovableClock } from "./ports/clock.ts";
import type { WorkflowHost } from "./ports/host.ts";
import type { Store } from "./ports/store.ts";
import { createForkAnswers } from "./replay/fork-answers.ts";
import type { Replays } from "./replay/replays.ts";
import type { Watcher } from "./ports/watcher.ts";
import { createKeptCode, type KeptCode } from "./runtime-code.ts";
import { createOutside, type Outside } from "./runtime-effects.ts";
import { traceDestination } from "./telemetry/destination.ts";
import type { Tracing } from "./telemetry/tracing.ts";
import { Rejections } from "./webhooks/rejections.ts";
import { createDeliveryRetention } from "./webhooks/retention.ts";

export interface RuntimeParts {
  readonly clock: Clock;
  /** The machine's time, also where `clock` has been moved: agents and Slack live in it. */
  readonly realClock: Clock;
  /** The same clock, where a person may move it. */
  readonly movable: MovableClock | null;
  readonly bus: Bus;
  readonly store: Store;
  readonly host: WorkflowHost;
  readonly watcher: Watcher | null;
  readonly version: string;
  /** Hides the secrets of the configuration. */
  readonly mask: Mask;
  readonly page?: PageFiles;
  /** Called after everything else has ended. */
  readonly closed?: () => Promise<void>;
}

/** A lease tells a dead process from a live one. Where the store has one owner, a lock does that better, and a laptop that slept for a day must not lose its runs. */
const SOLE_OWNER_LEASE_MS = 7 * 86_400_000;

const LOOPBACK = /^(?:localhost|::1|127(?:\.\d{1,3}){3})$/i;

/** One process has an SQLite file, or the Postgres it started itself; any other Postgres is shared by as many as are started. */
function isSoleOwner(config: Config, options: RuntimeOptions): boolean {
  return config.storeKind === "sqlite" || options.privatePostgres === true;
}

function settingsOf(config: Config, soleOwner: boolean): EngineSettings {
  const { concurrency, maxAttempts, leaseMs, graceMs, retentionMs, reconcileMs, reapAfter } = config;
  return {
    ...DEFAULT_SETTINGS,
    owner: `${process.pid}-${randomUUID().slice(0, 8)}`,
    concurrency,
    lendDuring: config.agents.holdSlot ? new Set() : AGENT_CALLS,
    lendLimit: config.agents.maxTurns,
    ...(soleOwner ? { leaseMs: SOLE_OWNER_LEASE_MS } : {}),
    retentionMs,
    reconcileMs,
    // In a rolling deploy an old replica does not know a new workflow: what it does not know is not removed.
    // Where tasks keep their code, those of a removed workflow end on it.
    reapAfter: reapAfter ?? (soleOwner && config.code === "newest" ? DEFAULT_SETTINGS.reapAfter : 0),
    ...(leaseMs === undefined ? {} : { leaseMs, renewMs: Math.min(DEFAULT_SETTINGS.renewMs, leaseMs / 4) }),
    ...(maxAttempts === undefined ? {} : { maxAttempts }),
    ...(graceMs === undefined ? {} : { graceMs }),
  };
}

const loadApi = () => import("./http/server.ts");
type Api = Awaited<ReturnType<typeof loadApi>>;

/** Loads the folders, and the API's code meanwhile: a tenth of a second of a start, while Python imports the workflows in its own process. */
async function loadBoth(loader: CatalogLoader, bus: Bus): Promise<Api> {
  let api: Promise<Api> | null = null;
  const stop = bus.subscribe((event) => {
    if (event.type === "host.started") api ??= loadApi();
  });
  await loader.start();
  stop();
  return api ?? loadApi();
}

/** Where the environment names an endpoint for them. Its code loads while Python imports the workflows. Null for commands that only look. */
async function startTraces(
  { env }: Config,
  { load, work, mode }: RuntimeOptions,
  { bus, version }: RuntimeParts,
): Promise<Tracing | null> {
  const destination = load || work ? traceDestination(env) : null;
  if (!destination) return null;
  const { startTracing } = await import("./telemetry/tracing.ts");
  return startTracing({ destination, bus, version, mode });
}

/** Starts everything `options` asks for. On failure nothing stays open. */
export async function startRuntime(config: Config, options: RuntimeOptions, parts: RuntimeParts): Promise<Runtime> {
  const { bus, clock, store, host, watcher } = parts;
  const traces = startTraces(config, options, parts);
  // Whoever awaits it hears why it failed; until then nobody does.
  traces.catch(() => null);
  const closers: (() => Promise<void>)[] = [
    async () => parts.closed?.(),
    async () => (await traces.catch(() => null))?.close(),
    () => store.admin.close(),
    () => host.close(),
  ];
  const close = async (): Promise<void> => {
    for (const one of closers.splice(0).reverse()) await one();
  };
  try {
    const kept = createKeptCode(config, options, parts);
    const loader: CatalogLoader = new CatalogLoader({
      host,
      bus,
      clock,
      watcher: options.watch ? watcher : null,
      dirs: config.dirs,
      toolDirs: config.tools.dirs,
      schedules: config.schedules,
      served: async (names) => {
        await engine.reloaded(names);
        await schedules.scheduler.reload();
      },
      ...kept.forLoader,
    });
    const soleOwner = isSoleOwner(config, options);
    const schedules = createSchedules(config, soleOwner, parts, loader, () => engine);
    const agents = createAgents(config.agents, parts.realClock);
    closers.push(() => agents.close());
    const handlers = [agents, createTools(toolDeps(config, clock))];
    const outside = createOutside(config, options, parts, handlers, parts.mask);
    const isScheduling = options.schedule ?? options.work;
    // What makes no runs here is not waited for by a walk through time.
    const sources = isScheduling ? [schedules.scheduler] : [];
    const engine = engineOf(config, soleOwner, parts, loader, outside, sources, kept);
    closers.push(() => loader.close());
    const replays = startReplays(config, options, parts, loader, closers);
    const http = options.load || options.work ? await loadBoth(loader, bus) : await loadApi();
    const tracing = await traces;
    if (options.work) {
      if (soleOwner) await store.effects.abandon(clock.now());
      await engine.start();
      closers.push(() => engine.stop());
      const ring = createDeliveryRetention({ deliveries: store.deliveries, clock, bus, bounds: config.webhooks });
      begin(closers, outside.retention, ring);
    }
    if (options.schedule ?? options.work) {
      begin(closers, schedules.scheduler);
      // So that whoever asks first finds what the files declare.
      await schedules.scheduler.tick();
    }
    const whole = { config, options, parts, loader, engine, replays, outside, http, tracing, closers, close };
    return assemble({ ...whole, schedules: schedules.control });
  } catch (error) {
    await close();
    throw error;
  }
}

/** Starts these; they end when the runtime does. */
function begin(closers: (() => Promise<void>)[], ...services: readonly Pick<Service, "start" | "stop">[]): void {
  for (const service of services) {
    service.start();
    closers.push(() => service.stop());
  }
}

function toolDeps(config: Config, clock: Clock): ToolDeps {
  return { clock, settings: config.tools, env: childEnvironment(config.env) };
}

function engineOf(
  config: Config,
  soleOwner: boolean,
  { bus, clock, store }: RuntimeParts,
  loader: CatalogLoader,
  { effects }: Outside,
  sources: readonly TimedSource[],
  kept: KeptCode,
): RunningEngine {
  return createEngine({
    store,
    clock,
    bus,
    effects,
    recorded: createForkAnswers(store),
    settings: settingsOf(config, soleOwner),
    names: loader,
    enablement: config.enablement,
    random: Math.random,
    uncertain: () => loader.uncertain(),
    sources,
    soleOwner,
    concurrentStore: config.storeKind === "postgres",
    code: kept.taskCode(loader),
  });
}

interface Assembly {
  readonly config: Config;
  readonly options: RuntimeOptions;
  readonly parts: RuntimeParts;
  readonly loader: CatalogLoader;
  readonly engine: RunningEngine;
  readonly schedules: ScheduleControl;
  readonly outside: Outside;
  readonly replays: Replays | undefined;
  readonly http: Api;
  readonly tracing: Tracing | null;
  readonly closers: (() => Promise<void>)[];
  readonly close: () => Promise<void>;
}

function assemble({ config, options, parts, loader, engine, http, closers, close, ...more }: Assembly): Runtime {
  const { schedules, outside, tracing, replays } = more;
  const { bus, clock, store, host, version } = parts;
  const loopbackOnly = LOOPBACK.test(config.host);
  const api: ApiDeps = {
    store,
    engine,
    schedules,
    buttons: outside.buttons,
    replays,
    catalog: loader satisfies CatalogView,
    webhooks: {
      secret: (name) => config.env[name],
      publicUrl: config.webhooks.publicUrl,
      trustForwarded: config.webhooks.trustForwarded,
      rejections: new Rejections(),
    },
    callTool: toolCaller(createTools(toolDeps(config, clock)), loader, parts.mask),
    bus,
    clock,
    auth: { envKeys: config.envKeys, loopbackOnly, hosts: config.allowedHosts },
    info: { version, mode: options.mode, project: path.basename(config.root) },
    page: parts.page,
    ready: () => readiness(loader),
    secrets: config.secrets,
    limits: { ...settingsOf(config, isSoleOwner(config, options)), allows: (name) => config.enablement.allows(name) },
    time: parts.movable ? new TimeWalk(parts.movable, engine.walkable, bus) : undefined,
    traceRequest: tracing?.traceRequest,
  };
  const app = http.createApp(api);
  return {
    config,
    store,
    engine,
    catalog: loader,
    bus,
    host,
    now: () => clock.now(),
    slack: outside.slack,
    takenOver: engine.takenOver(),
    fetch: async (request) => app.fetch(request, { inside: true }),
    async listen({ moveOn, probesOnly = false }) {
      if (!loopbackOnly) await requireKey(config, store);
      const listening: Listening = await http.listen(probesOnly ? http.createApp(api, { probesOnly }) : app, {
        host: config.host,
        port: config.port,
        moveOn,
      });
      closers.push(() => listening.close());
      return listening;
    },
    close,
  };
}

/** Beyond this machine nothing is served without a key. */
async function requireKey(config: Config, store: Store): Promise<void> {
  if (config.envKeys.length > 0 || (await store.keys.list()).length > 0) return;
  throw new ChironError(
    "config_invalid",
    `the address ${config.host} is open to other machines, and there is no API key`,
    {
      hint: "Set CHIRON_API_KEY or make a key with: chiron keys create --name me. Host names that requests use go into server.allowed_hosts.",
    },
  );
}

function readiness(loader: CatalogLoader): { readonly ok: boolean; readonly reasons: readonly string[] } {
  if (!loader.ready()) return { ok: false, reasons: ["the workflows are still being loaded"] };
  const failed = loader.current().problems.find((problem) => problem.kind === "host");
  return failed ? { ok: false, reasons: [failed.message] } : { ok: true, reasons: [] };
}
