// Runs the real launcher in a project of its own, and a `chiron dev` beside it. Everything it starts has ended when the project is gone.
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";

const LAUNCHER = fileURLToPath(new URL("../../scripts/chiron.mjs", import.meta.url));
const OURS = /^(?:CHIRON_|CENTAUR_|WORKFLOW_|PYTHON_WORKFLOW_|DATABASE_URL$|NO_COLOR$|FORCE_COLOR$)/;

export interface Finished {
  readonly exit: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Started {
  readonly process: ChildProcess;
  readonly finished: Promise<Finished>;
}

export interface Dev {
  readonly url: string;
  stop(): Promise<Finished>;
}

export class Project {
  readonly root = fs.mkdtempSync(path.join(os.tmpdir(), "chiron-scenario-"));
  readonly #running = new Set<Started>();

  /** Writes a workflow file. */
  write(name: string, code: string): void {
    const file = path.join(this.root, "workflows", name);
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, code);
  }

  start(
    args: readonly string[],
    options: { readonly stdin?: string; readonly env?: Record<string, string> } = {},
  ): Started {
    const clean = Object.fromEntries(Object.entries(process.env).filter(([name]) => !OURS.test(name)));
    const child = spawn(process.execPath, [LAUNCHER, ...args], {
      cwd: this.root,
      env: { ...clean, ...options.env },
      stdio: ["pipe", "pipe", "pipe"],
    });
    child.stdin.end(options.stdin ?? "");
    const finished = Promise.all([once(child, "exit"), text(child.stdout), text(child.stderr)]).then(
      ([[exit], stdout, stderr]) => ({ exit: exit as number | null, stdout, stderr }),
    );
    const started = { process: child, finished };
    this.#running.add(started);
    void finished.finally(() => this.#running.delete(started));
    return started;
  }

  run(
    args: readonly string[],
    options: { readonly stdin?: string; readonly env?: Record<string, string> } = {},
  ): Promise<Finished> {
    return this.start(args, options).finished;
  }

  /** Starts `chiron dev` on a free port and waits until it serves. */
  async dev(env: Record<string, string> = {}): Promise<Dev> {
    const started = this.start(["dev", "--json", "--port", "0"], { env });
    const lines = createInterface({ input: started.process.stdout! });
    const ready = await Promise.race([
      once(lines, "line").then(([line]) => line as string),
      started.finished.then(({ stderr }) => Promise.reject(new Error(`dev ended: ${stderr}`))),
    ]);
    const { url } = JSON.parse(ready) as { url: string };
    return {
      url,
      stop() {
        started.process.kill("SIGTERM");
        return started.finished;
      },
    };
  }

  async remove(): Promise<void> {
    const running = [...this.#running];
    for (const { process: child } of running) child.kill("SIGKILL");
    await Promise.all(running.map(({ finished }) => finished));
    fs.rmSync(this.root, { recursive: true, force: true });
  }
}
