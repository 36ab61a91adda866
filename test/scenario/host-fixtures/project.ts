// A workflow host on a folder of its own, gone after the test with all of its processes.
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";
import { createPythonHost, type PythonHostOptions } from "../../../adapters/python/host.ts";
import type { RuntimeEvent } from "../../../src/core/bus.ts";
import type { WorkflowHost } from "../../../src/ports/host.ts";

export const FIXTURES = fileURLToPath(new URL(".", import.meta.url));
export const SAMPLES = path.join(FIXTURES, "workflows");
export const HOST_SCRIPT = path.join(FIXTURES, "../../../adapters/python/workflow-host");

export interface Project {
  readonly host: WorkflowHost;
  readonly events: RuntimeEvent[];
  readonly stateDir: string;
  /** Resolves when a host's loop is first said to be held. */
  readonly stalled: Promise<void>;
}

/** An empty folder that is removed after the test. */
export function temporaryFolder(): string {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "chiron-host-test-"));
  onTestFinished(() => fs.rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A host on the sample workflows, or on what the options say. */
export function openProject(options: Partial<PythonHostOptions> = {}): Project {
  const stateDir = temporaryFolder();
  const events: RuntimeEvent[] = [];
  const stalled = Promise.withResolvers<void>();
  const host = createPythonHost({
    dirs: [SAMPLES],
    hostScript: HOST_SCRIPT,
    stateDir,
    env: withoutByteCodeSwitch(),
    allow: null,
    walkAll: false,
    onEvent: (event) => {
      events.push(event);
      if (event.type === "host.stalled") stalled.resolve();
    },
    ...options,
  });
  onTestFinished(() => host.close());
  return { host, events, stateDir, stalled: stalled.promise };
}

/** A developer's shell may forbid byte code, which would hide what stale byte code does. */
function withoutByteCodeSwitch(): Record<string, string | undefined> {
  return { ...process.env, PYTHONDONTWRITEBYTECODE: undefined };
}

/** Whether a process of this number runs; one that ended and was not waited for does not. */
export function isRunning(pid: number): boolean {
  try {
    const stat = fs.readFileSync(`/proc/${pid}/stat`, "latin1");
    return stat.slice(stat.lastIndexOf(")") + 2, stat.lastIndexOf(")") + 3) !== "Z";
  } catch {
    return false;
  }
}

/** Resolves as soon as the condition holds; for what has no event, such as the end of a stranger's process. */
export async function eventually(condition: () => boolean, withinMs = 10_000): Promise<void> {
  const end = performance.now() + withinMs;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`not within ${withinMs} ms: ${String(condition)}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
