// What a scenario is run on: an engine of its own with an empty store and a clock that stands still, or a server somewhere. Who makes them is
// the composition root's matter.
import type { WebhookSpec } from "../webhooks/spec.ts";
import type { ApiTarget } from "./api.ts";
import type { Scenario, ScenarioStubs } from "./format.ts";

export interface EngineOrder {
  readonly startMs: number;
  readonly secrets: Readonly<Record<string, string | null>>;
  readonly env: Readonly<Record<string, string>>;
  readonly stubs: ScenarioStubs;
  readonly schedules: boolean;
  /** An earlier state of the store to go on from, which is used up by it; null: an empty one. */
  readonly from: string | null;
  /** Called when something of a run has just become durable, before the run goes on. */
  readonly onBoundary: (boundary: Boundary) => Promise<void>;
}

export interface Boundary {
  readonly workflowName: string;
  /** Such as `step triage` or `start of attempt 1`. */
  readonly what: string;
}

/** One engine at work. */
export interface BenchEngine {
  readonly target: ApiTarget;
  readonly hook: (slug: string) => WebhookSpec | undefined;
  readonly slugs: () => readonly string[];
  readonly secret: (name: string) => string | undefined;
  /** Whether its time can be moved; a server keeps the world's. */
  readonly virtual: boolean;
  /** Copies the store as it is now; null: this store cannot be copied. */
  readonly snapshot: (() => Promise<string>) | null;
  /** Where its store is, and the options that open it with another command; null: nowhere that can be kept. */
  readonly keep: (() => Promise<string>) | null;
  close(): Promise<void>;
}

export interface Bench {
  /** Why this scenario cannot be run here; null: it can. */
  refuses?(scenario: Scenario): string | null;
  open(order: EngineOrder): Promise<BenchEngine>;
}
