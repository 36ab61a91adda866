// What the commands that serve share: what they say when they are ready, and how they are stopped.
import type { Runtime } from "./wiring.ts";

/** What `--json` prints when the server is ready. */
export interface ServerStatus {
  readonly event: "ready";
  readonly url: string;
  readonly store: string;
  readonly dirs: readonly string[];
  readonly workflows: number;
  readonly webhooks: number;
  readonly schedules: number;
  readonly problems: number;
  readonly taken_over: number;
  readonly ms: number;
  readonly pid: number;
}

export function describeServer(runtime: Runtime, url: string, ms: number): ServerStatus {
  const catalog = runtime.catalog.current();
  return {
    event: "ready",
    url,
    store: runtime.store.admin.describe().location,
    dirs: runtime.config.dirs,
    workflows: catalog.workflows.size,
    webhooks: catalog.webhooks.size,
    schedules: catalog.schedules.size,
    problems: catalog.problems.filter((problem) => problem.severity === "error").length,
    taken_over: runtime.takenOver,
    ms,
    pid: process.pid,
  };
}

/** Resolves at the first stop signal; the second one ends the process where it stands, which costs running attempts like any crash. */
export function untilStopped(): Promise<void> {
  return new Promise((resolve) => {
    const stop = (): void => {
      for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
        process.removeListener(signal, stop);
        process.once(signal, () => process.exit(130));
      }
      resolve();
    };
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, stop);
  });
}
