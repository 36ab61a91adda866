// Puts together what replays need: the code that serves, and code that does not any more, loaded from what was kept.
import type { CatalogLoader } from "./catalog/loader.ts";
import { OlderGenerations } from "./catalog/older-generations.ts";
import { Replays } from "./replay/replays.ts";
import type { RuntimeParts } from "./runtime.ts";

export interface Replaying {
  readonly replays: Replays;
  close(): Promise<void>;
}

/** Holds nothing until somebody replays on older code. */
export function createReplaying({ host, store, bus, clock }: RuntimeParts, loader: CatalogLoader): Replaying {
  const opened = new OlderGenerations({ host, store, bus, clock });
  const replays = new Replays({
    store,
    clock,
    names: loader,
    older: async (generation, workflowName) => {
      const alive = await loader.older(generation, workflowName);
      return alive.kind === "here" ? alive : opened.find(generation, workflowName);
    },
  });
  return { replays, close: () => opened.close() };
}
