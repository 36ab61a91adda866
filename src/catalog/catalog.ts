// What the workflow folders declare now: an immutable snapshot that reload replaces as one.
import type { WebhookSpec } from "../webhooks/spec.ts";
import type { DiscoveredTool, DiscoveredWorkflow, GenerationHost, Problem } from "../ports/host.ts";
import type { ScheduleDefinition } from "../ports/store-schedules.ts";

export interface ServedWorkflow extends DiscoveredWorkflow {
  /** The code that serves it: the newest generation, or an older one while its file does not load. */
  readonly host: GenerationHost;
  /** False when the file's newest text does not load and an older version serves. */
  readonly current: boolean;
}

export interface ServedTool extends DiscoveredTool {
  readonly host: GenerationHost;
}

export interface WebhookEntry {
  readonly slug: string;
  readonly provider: string | null;
  readonly workflowName: string;
  readonly sourcePath: string;
  readonly spec: WebhookSpec;
}

export type ScheduleEntry = ScheduleDefinition;

export interface Catalog {
  /** Id of the generation that the newest successful load made; "" before the first. */
  readonly generation: string;
  readonly workflows: ReadonlyMap<string, ServedWorkflow>;
  readonly webhooks: ReadonlyMap<string, WebhookEntry>;
  readonly schedules: ReadonlyMap<string, ScheduleEntry>;
  readonly problems: readonly Problem[];
  /** Local tools by name, as the newest generation has them. */
  readonly tools: ReadonlyMap<string, ServedTool>;
  /** Every file of this state of the folders: absolute path -> sha256. */
  readonly files: ReadonlyMap<string, string>;
  readonly loadedAt: number;
  readonly loadMs: number;
}

/** What the engine and the API see of it. */
export interface CatalogView {
  current(): Catalog;
  /** Loads anew now and answers when the result serves. */
  reload(): Promise<Catalog>;
}

export const EMPTY_CATALOG: Catalog = {
  generation: "",
  workflows: new Map(),
  webhooks: new Map(),
  schedules: new Map(),
  problems: [],
  tools: new Map(),
  files: new Map(),
  loadedAt: 0,
  loadMs: 0,
};
