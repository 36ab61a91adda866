// The composition root: with wire-database.ts the one place that names concrete adapters. Everything else sees ports.
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { createWatcher } from "../adapters/fs/watcher.ts";
import { FAULT_VARIABLE, withFaultPoint } from "../adapters/node/fault-points.ts";
import { createMovableClock } from "../adapters/node/movable-clock.ts";
import { REAL_CLOCK } from "../adapters/node/real-clock.ts";
import { runAnalysis } from "../adapters/python/check-runner.ts";
import { createPythonHost, type PythonHostOptions } from "../adapters/python/host.ts";
import { findInterpreter } from "../adapters/python/interpreter.ts";
import { copySqlite } from "../adapters/sqlite/inspect.ts";
import { openSqlite } from "../adapters/sqlite/open.ts";
import { pageFilesIn } from "./assets.ts";
import type { RuntimeOptions, Wiring } from "./cli/wiring.ts";
import { createProgram } from "./cli/program.ts";
import { loadConfig, type Config } from "./config/config.ts";
import type { Bus } from "./core/bus.ts";
import { ChironError, messageOf } from "./core/errors.ts";
import { createMask, type Mask } from "./core/redaction.ts";
import { keepHttpAnswers } from "./effects/recordings/http-answers.ts";
import type { Clock } from "./ports/clock.ts";
import type { Store } from "./ports/store.ts";
import { createMaskedBus } from "./secrets/masked-bus.ts";
import { maskedHost } from "./secrets/masked-host.ts";
import { maskedStore } from "./secrets/masked-store.ts";
import { DATABASE_TOOLS, inspectStore } from "./wire-database.ts";

const assets = fileURLToPath(new URL("..", import.meta.url));
const { version } = JSON.parse(fs.readFileSync(path.join(assets, "package.json"), "utf8")) as { version: string };

const python = (config: Config) => findInterpreter({ python: config.python, dirs: config.dirs, env: config.env });

const wiring: Wiring = {
  version,
  assets,
  findPython: python,
  inspectStore,
  database: DATABASE_TOOLS,
  copyStore: async (config, target) => copySqlite(config.storePath, target),
  async analyse(config, dirs) {
    return runAnalysis((await python(config)).path, dirs, path.join(assets, "adapters/python"));
  },
  createWatcher,
  async openBench(config, keepDir) {
    const mask = createMask(config.secrets);
    const [interpreter, { startRuntime }, { createTestBench }] = await Promise.all([
      python(config),
      import("./runtime.ts"),
      import("./wire-scenarios.ts"),
    ]);
    const createHost = (one: Config, stateDir: string, bus: Bus) =>
      maskedHost(createPythonHost({ ...hostOptions(one, stateDir, bus), python: interpreter.path }), mask);
    return createTestBench(config, keepDir, { version, mask, createHost, startRuntime });
  },
  async openRuntime(asked: Config, options: RuntimeOptions) {
    const mask = createMask(asked.secrets);
    const bus = createMaskedBus(mask);
    // Before the store: without Python nothing is written. The engine and the API load while the interpreter is asked.
    const [interpreter, { startRuntime }] = await Promise.all([
      options.load || options.work ? python(asked) : null,
      import("./runtime.ts"),
    ]);
    const { config, stop } = await withPrivatePostgres(asked, options);
    try {
      const movable = options.mode === "dev" && config.storeKind === "sqlite" ? createMovableClock() : null;
      const clock = movable ?? REAL_CLOCK;
      const opened = await openStore(config, clock);
      const store = withFaultPoint(maskedStore(opened, mask), config.env[FAULT_VARIABLE], () =>
        process.kill(process.pid, "SIGKILL"),
      );
      const host = createPythonHost({
        ...hostOptions(config, path.dirname(config.storePath), bus),
        ...httpRecordings(config, mask, bus),
        ...(interpreter ? { python: interpreter.path } : {}),
      });
      const parts = {
        clock,
        realClock: REAL_CLOCK,
        movable,
        bus,
        store,
        host: maskedHost(host, mask),
        mask,
        watcher: createWatcher(),
        version,
        page: pageFilesIn(path.join(assets, "dist/devtools")),
      };
      return await startRuntime(config, options, { ...parts, closed: stop });
    } catch (error) {
      await stop();
      throw error;
    }
  },
};

function hostOptions(config: Config, stateDir: string, bus: Bus): PythonHostOptions {
  return {
    dirs: config.dirs,
    hostScript: path.join(assets, "adapters/python/workflow-host"),
    stateDir,
    env: config.env,
    allow: config.enablement.names,
    walkAll: config.walkAll,
    toolDirs: config.tools.dirs,
    maxProcesses: config.processes,
    onEvent: (event) => bus.publish(event),
    ...(config.baselineHost ? { baselinePath: config.baselineHost } : {}),
  };
}

function httpRecordings({ recordings }: Config, mask: Mask, bus: Bus): Pick<PythonHostOptions, "http"> {
  if (recordings === null) return {};
  const { httpFile: file, mode } = recordings;
  const failed = (error: unknown): void =>
    bus.publish({ type: "service.error", service: "recordings", message: messageOf(error) });
  return { http: { file, mode, keep: keepHttpAnswers(file, mask, failed) } };
}

/** The store that the configuration names. Postgres is loaded only when it is used: a laptop's start need not wait for it. */
async function openStore(config: Config, clock: Clock): Promise<Store> {
  if (config.storeKind === "sqlite") {
    return openSqlite({ path: config.storePath, clock, synchronous: config.synchronous });
  }
  if (config.databaseUrl === undefined) {
    throw new ChironError("config_invalid", "the store is Postgres, and there is no DATABASE_URL", {
      hint: "Set DATABASE_URL=postgres://user@host/database, or use --store sqlite.",
    });
  }
  const { openPostgres } = await import("../adapters/postgres/open.ts");
  const absurdSql = config.env["ABSURD_SQL"];
  return openPostgres({
    connectionString: config.databaseUrl,
    applicationName: `chiron ${version}`,
    poolSize: config.databasePool,
    ...(absurdSql ? { absurdSql } : {}),
  });
}

/** With its own server started, and the address of it where the engine and the workflows look for one. */
async function withPrivatePostgres(
  config: Config,
  options: RuntimeOptions,
): Promise<{ readonly config: Config; readonly stop: () => Promise<void> }> {
  if (!options.privatePostgres) return { config, stop: () => Promise.resolve() };
  const { startPrivatePostgres } = await import("../adapters/postgres/private-server.ts");
  const server = await startPrivatePostgres({
    dir: path.join(path.dirname(config.storePath), "pg"),
    log: (line) => process.stderr.write(`${line}\n`),
  });
  const env = { ...config.env, DATABASE_URL: server.url };
  return { config: { ...config, env, databaseUrl: server.url }, stop: () => server.stop() };
}

// The launcher's end is this process's end, however it came (see scripts/run-node.mjs).
if (process.env["CHIRON_LAUNCHER"] && process.connected) {
  process.on("disconnect", () => process.kill(process.pid, "SIGKILL"));
  process.channel?.unref();
}

const program = await createProgram(
  {
    wiring,
    loadConfig: (flags) => loadConfig(process.cwd(), process.env, flags),
    exit: (code) => {
      process.exitCode = code;
    },
  },
  process.argv[2],
);
await program.parseAsync(process.argv);
