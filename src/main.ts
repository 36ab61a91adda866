// The composition root: the one file that names concrete adapters. Everything else sees ports.
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { createWatcher } from "../adapters/fs/watcher.ts";
import { FAULT_VARIABLE, withFaultPoint } from "../adapters/node/fault-points.ts";
import { REAL_CLOCK } from "../adapters/node/real-clock.ts";
import { runAnalysis } from "../adapters/python/check-runner.ts";
import { createPythonHost } from "../adapters/python/host.ts";
import { findInterpreter } from "../adapters/python/interpreter.ts";
import { copySqlite, inspectSqlite } from "../adapters/sqlite/inspect.ts";
import { openSqlite } from "../adapters/sqlite/open.ts";
import type { RuntimeOptions, Wiring } from "./cli/wiring.ts";
import { createProgram } from "./cli/program.ts";
import { loadConfig, type Config } from "./config.ts";
import { Bus } from "./core/bus.ts";
import { startRuntime } from "./runtime.ts";

const assets = fileURLToPath(new URL("..", import.meta.url));
const { version } = JSON.parse(fs.readFileSync(path.join(assets, "package.json"), "utf8")) as { version: string };

const python = (config: Config) => findInterpreter({ python: config.python, dirs: config.dirs, env: config.env });

const wiring: Wiring = {
  version,
  assets,
  findPython: python,
  inspectStore: async (config) => inspectSqlite(config.storePath),
  copyStore: async (config, target) => copySqlite(config.storePath, target),
  async analyse(config, dirs) {
    return runAnalysis((await python(config)).path, dirs, path.join(assets, "adapters/python"));
  },
  async openRuntime(config: Config, options: RuntimeOptions) {
    const bus = new Bus();
    // Before the store: without Python nothing is written.
    const interpreter = options.load || options.work ? await python(config) : null;
    const opened = await openSqlite({ path: config.storePath, clock: REAL_CLOCK, synchronous: config.synchronous });
    const store = withFaultPoint(opened, config.env[FAULT_VARIABLE], () => process.kill(process.pid, "SIGKILL"));
    const host = createPythonHost({
      dirs: config.dirs,
      hostScript: path.join(assets, "adapters/python/workflow-host"),
      stateDir: path.dirname(config.storePath),
      env: config.env,
      allow: config.enablement.names,
      walkAll: config.walkAll,
      maxProcesses: config.processes,
      onEvent: (event) => bus.publish(event),
      ...(interpreter ? { python: interpreter.path } : {}),
      ...(config.baselineHost ? { baselinePath: config.baselineHost } : {}),
    });
    return startRuntime(config, options, { clock: REAL_CLOCK, bus, store, host, watcher: createWatcher(), version });
  },
};

// The launcher's end is this process's end, however it came (see scripts/run-node.mjs).
if (process.env["CHIRON_LAUNCHER"] && process.connected) {
  process.on("disconnect", () => process.kill(process.pid, "SIGKILL"));
  process.channel?.unref();
}

await createProgram({
  wiring,
  loadConfig: (flags) => loadConfig(process.cwd(), process.env, flags),
  exit: (code) => {
    process.exitCode = code;
  },
}).parseAsync(process.argv);
