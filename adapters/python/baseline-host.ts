// Drives a host that speaks only the baseline protocol (PYTHON_WORKFLOW_HOST_PATH): one process for a discovery, one for each attempt. Such
// a host reads the folders itself, so an attempt sees them as they are when it starts; a generation's id tells only what was discovered.
import fs from "node:fs/promises";
import path from "node:path";
import type { RuntimeEvent } from "../../src/core/bus.ts";
import { ChironError } from "../../src/core/errors.ts";
import { sha256Of } from "../../src/core/source-code.ts";
import type { Discovery, GenerationHost, HostStatus, LoadOptions, WorkflowHost } from "../../src/ports/host.ts";
import { BaselineRun, type Launch } from "./baseline-run.ts";
import { discoverBaseline } from "./baseline-discovery.ts";
import { childEnvironment } from "../../src/core/child-environment.ts";
import { findInterpreter, type Interpreter } from "./interpreter.ts";
import { Leftovers } from "./leftovers.ts";
import { HostProcess, describeEnd } from "./process.ts";
import { generationId } from "./snapshot.ts";
import { pythonFiles } from "./source-walk.ts";

export interface BaselineHostOptions {
  readonly dirs: readonly string[];
  readonly python?: string;
  readonly baselinePath: string;
  readonly stateDir: string | null;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly allow: readonly string[] | null;
  readonly walkAll: boolean;
  readonly envAllow?: readonly string[];
  readonly onEvent: (event: RuntimeEvent) => void;
}

/** A baseline host that has started nothing yet. */
export function createBaselineHost(options: BaselineHostOptions): WorkflowHost {
  return new BaselineHost(options);
}

class BaselineHost implements WorkflowHost {
  readonly #options: BaselineHostOptions;
  readonly #leftovers: Leftovers;
  readonly #live = new Set<BaselineGeneration>();
  readonly #processes = new Set<HostProcess>();
  #interpreter: Promise<Interpreter> | null = null;

  constructor(options: BaselineHostOptions) {
    this.#options = options;
    this.#leftovers = new Leftovers(options.stateDir);
    this.#leftovers.sweep();
  }

  interpreter(): Promise<Interpreter> {
    this.#interpreter ??= findInterpreter(this.#options).catch((error: unknown) => {
      this.#interpreter = null;
      throw error;
    });
    return this.#interpreter;
  }

  async load(options: LoadOptions = {}): Promise<{ discovery: Discovery; host: GenerationHost } | null> {
    const { dirs, walkAll, baselinePath } = this.#options;
    const files = await hashes([...(await pythonFiles(dirs, walkAll)), baselinePath]);
    const id = generationId(files);
    if (id === options.unless) return null;
    const { path: interpreter } = await this.interpreter();
    const launch = this.#launcher(interpreter, id);
    const started = performance.now();
    const { workflows, problems } = await discoverBaseline(launch);
    const ms = performance.now() - started;
    const host = new BaselineGeneration(id, launch, (generation) => this.#live.delete(generation));
    this.#live.add(host);
    files.delete(baselinePath);
    return { discovery: { generation: { id }, dirs, workflows, problems, files, ms }, host };
  }

  async source(sha256: string, file: string): Promise<Uint8Array | null> {
    const content = await fs.readFile(file).catch(() => null);
    return content !== null && sha256Of(content) === sha256 ? content : null;
  }

  status(): readonly HostStatus[] {
    return [...this.#live].flatMap((generation) => generation.status());
  }

  async close(): Promise<void> {
    const processes = [...this.#processes];
    for (const process of processes) process.kill();
    await Promise.all(processes.map((process) => process.ended));
    this.#leftovers.clear();
  }

  #launcher(interpreter: string, generation: string): Launch {
    const { baselinePath, dirs, allow, env, envAllow, onEvent } = this.#options;
    const environment = childEnvironment(env, envAllow);
    environment["WORKFLOW_DIRS"] = dirs.join(path.delimiter);
    if (allow !== null) {
      environment["WORKFLOW_ENABLE_MODE"] = "allowlist";
      environment["WORKFLOW_ALLOWED_NAMES"] = allow.join(",");
    }
    return (outputs) => {
      const process = new HostProcess({ command: interpreter, args: [baselinePath], env: environment, ...outputs });
      const { pid } = process;
      this.#processes.add(process);
      if (pid !== 0) this.#leftovers.add(pid);
      if (pid !== 0) onEvent({ type: "host.started", pid, generation });
      void process.ended.then((end) => {
        this.#processes.delete(process);
        if (pid === 0) return;
        this.#leftovers.remove(pid);
        onEvent({ type: "host.ended", pid, reason: end.killed || end.code === 0 ? "" : describeEnd(end) });
      });
      return process;
    };
  }
}

class BaselineGeneration implements GenerationHost {
  readonly generation: { readonly id: string };
  readonly #launch: Launch;
  readonly #ended: (generation: BaselineGeneration) => void;
  readonly #runs = new Set<BaselineRun>();
  #closed = false;

  constructor(id: string, launch: Launch, ended: (generation: BaselineGeneration) => void) {
    this.generation = { id };
    this.#launch = launch;
    this.#ended = ended;
  }

  run: GenerationHost["run"] = async (start, session, signal) => {
    if (this.#closed) return { kind: "not_started", reason: "the code's generation has ended" };
    if (signal.aborted) return { kind: "dropped" };
    const run = new BaselineRun(this.#launch, start, session);
    this.#runs.add(run);
    void run.ended.then(() => this.#runs.delete(run));
    return run.run(signal);
  };

  async retire(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#runs].map((run) => run.ended));
    this.#ended(this);
  }

  kill(): Promise<void> {
    for (const run of this.#runs) run.kill();
    return this.retire();
  }

  status(): readonly HostStatus[] {
    const generation = this.generation.id;
    return [...this.#runs].map(({ pid }) => ({ pid, generation, activeRuns: 1, stalledMs: 0 }));
  }
}

async function hashes(paths: readonly string[]): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  for (const file of paths) {
    const content = await fs.readFile(file).catch(() => null);
    if (content) files.set(file, sha256Of(content));
  }
  if (files.size === 0) {
    throw new ChironError("host_failed", "the baseline host cannot be read", {
      hint: "Check PYTHON_WORKFLOW_HOST_PATH.",
    });
  }
  return files;
}
