// The store's contract: what every adapter must do, told through the port alone. An adapter adds an opener; one that cannot honour a
// test says which and why. Stores and their clocks are made for each test and closed behind it.
import { describe, it } from "vitest";
import type { Store } from "../../src/ports/store.ts";
import { cancelContract } from "./cancel.ts";
import { claimsContract } from "./claims.ts";
import { codeContract } from "./code.ts";
import { deliveriesContract } from "./deliveries.ts";
import { effectsContract } from "./effects.ts";
import { fencingContract } from "./fencing.ts";
import { forksContract } from "./forks.ts";
import { Given } from "./given.ts";
import { groupCommitContract } from "./group-commit.ts";
import { idempotencyContract } from "./idempotency.ts";
import { importsContract } from "./imports.ts";
import { insightContract } from "./insight.ts";
import { keysContract } from "./keys.ts";
import { logsContract } from "./logs.ts";
import type { ManualClock } from "./manual-clock.ts";
import { progressContract } from "./progress.ts";
import { randomContract } from "./random.ts";
import { readsContract } from "./reads.ts";
import { retriesContract } from "./retries.ts";
import { schedulesContract } from "./schedules.ts";
import { tasksContract } from "./tasks.ts";
import { transitionsContract } from "./transitions.ts";
import type { Case, WithStore } from "./case.ts";
import { waitsContract } from "./waits-and-events.ts";

export interface OpenedStore {
  readonly store: Store;
  readonly clock: ManualClock;
  /** Removes what the store leaves behind once it is closed. */
  readonly dispose?: () => Promise<void> | void;
}

export interface ContractOptions {
  readonly name: string;
  readonly open: () => Promise<OpenedStore>;
  readonly skip?: readonly { readonly test: string; readonly reason: string }[];
  /** Some of the nouns, for a store that differs from one with the whole contract in these only. */
  readonly nouns?: readonly string[];
}

type Contract = (test: Case, withStore: WithStore, plain: typeof it) => void;

const NOUNS: Record<string, Contract> = {
  tasks: tasksContract,
  forks: forksContract,
  transitions: transitionsContract,
  claims: claimsContract,
  fencing: fencingContract,
  progress: progressContract,
  "waits and events": waitsContract,
  retries: retriesContract,
  cancel: cancelContract,
  idempotency: idempotencyContract,
  "group commit": groupCommitContract,
  reads: readsContract,
  logs: logsContract,
  keys: keysContract,
  schedules: schedulesContract,
  code: codeContract,
  deliveries: deliveriesContract,
  effects: effectsContract,
  insight: insightContract,
  imports: importsContract,
  "random operations": randomContract,
};

export function storeContract({ name, open, skip = [], nouns }: ContractOptions): void {
  const withStore = async (body: (given: Given) => Promise<void>): Promise<void> => {
    const { store, clock, dispose } = await open();
    try {
      await body(new Given(store, clock));
    } finally {
      await store.admin.close();
      await dispose?.();
    }
  };
  const test: Case = (title, body) => {
    const skipped = skip.find((entry) => entry.test === title);
    if (skipped) it.skip(`${title} (${skipped.reason})`);
    else it(title, () => withStore(body));
  };
  describe(name, () => {
    const chosen = Object.entries(NOUNS).filter(([noun]) => nouns?.includes(noun) ?? true);
    for (const [noun, contract] of chosen) describe(noun, () => contract(test, withStore, it));
  });
}
