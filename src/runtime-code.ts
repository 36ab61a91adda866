// Puts together what keeps code beyond its time in the folders: its record in the store, the generations that live on for tasks that
// began on them, and what is forgotten when.
import type { CatalogLoader, LoaderDeps } from "./catalog/loader.ts";
import { OlderGenerations } from "./catalog/older-generations.ts";
import type { RuntimeOptions } from "./cli/wiring.ts";
import type { Config } from "./config/config.ts";
import { CodeRecords } from "./engine/code-records.ts";
import type { TaskCode } from "./engine/task-code.ts";
import type { RuntimeParts } from "./runtime.ts";

/** Code that nothing ran on is kept for a day: a replica that served it and hears nothing from the store for that long is dead. */
const UNUSED_FOR_MS = 86_400_000;

export interface KeptCode {
  readonly forLoader: Pick<LoaderDeps, "keep" | "replaced">;
  taskCode(loader: CatalogLoader): TaskCode;
}

export function createKeptCode(config: Config, { work }: RuntimeOptions, parts: RuntimeParts): KeptCode {
  const { store, bus, host, clock, version } = parts;
  const source = host.source.bind(host);
  const versions = async () => ({ chironVersion: version, pythonVersion: (await host.interpreter()).version });
  // Commands that only look write nothing.
  const records = work ? new CodeRecords({ store, bus, source, versions }) : null;
  const older = work && config.code === "pinned" ? new OlderGenerations({ host, store, bus, clock }) : null;
  return {
    forLoader: { keep: records ? (generation) => records.add(generation) : undefined, replaced: older },
    taskCode: (loader) => ({
      pending: () => records?.pending() ?? null,
      older: older && ((generation, workflowName) => loader.older(generation, workflowName)),
      prune: async () => records?.prune(new Set(loader.generations()), UNUSED_FOR_MS),
    }),
  };
}
