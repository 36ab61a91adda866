// Puts together what replays need: the code that serves, and code that does not any more, loaded from what was kept.
import type { CatalogLoader } from "./catalog/loader.ts";
import { OlderGenerations } from "./catalog/older-generations.ts";
import type { RuntimeOptions } from "./cli/wiring.ts";
import type { Config } from "./config/config.ts";
import { ReloadCheck } from "./replay/reload-check.ts";
import { Replays } from "./replay/replays.ts";
import type { RuntimeParts } from "./runtime.ts";

/** Holds nothing until somebody replays on older code. Undefined where no code is loaded. */
export function startReplays(
  config: Config,
  { load, work, mode }: RuntimeOptions,
  { host, store, bus, clock }: RuntimeParts,
  loader: CatalogLoader,
  closers: (() => Promise<void>)[],
): Replays | undefined {
  if (!load && !work) return undefined;
  const opened = new OlderGenerations({ host, store, bus, clock });
  closers.push(() => opened.close());
  const replays = new Replays({
    store,
    clock,
    names: loader,
    older: async (generation, workflowName) => {
      const alive = await loader.older(generation, workflowName);
      return alive.kind === "here" ? alive : opened.find(generation, workflowName);
    },
  });
  // Where tasks keep their code, new code leads nobody away.
  if (mode === "dev" && config.replayOnReload && config.code === "newest") {
    const check = new ReloadCheck({ replays, bus, clock });
    check.start();
    closers.push(() => check.stop());
  }
  return replays;
}
