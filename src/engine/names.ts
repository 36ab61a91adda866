// The engine's view of the catalog: which workflows exist and which host runs each. Kept this small so that the engine needs no
// knowledge of folders, files or reloads.
import type { JsonText } from "../core/json-text.ts";
import type { GenerationHost } from "../ports/host.ts";

export interface Runnable {
  readonly workflowName: string;
  readonly host: GenerationHost;
  readonly inputSchema: JsonText | null;
}

export interface WorkflowNames {
  find(workflowName: string): Runnable | undefined;
  all(): Iterable<string>;
  /** Id of the newest generation: the code of nearly every workflow. */
  generation(): string;
  /** False until the first load has ended: nothing is claimed before. */
  ready(): boolean;
}
