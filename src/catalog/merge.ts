// Makes the next catalog out of the last one and a fresh discovery. A file that does not load keeps its last good version serving; a name
// that no file declares any more goes; everything else is the new generation's.
import type { Discovery, GenerationHost, Problem } from "../ports/host.ts";
import type { Catalog, ScheduleEntry, ServedWorkflow, WebhookEntry } from "./catalog.ts";
import { schedulesOf, type ScheduleOptions } from "./declarations/schedule.ts";
import { webhooksOf } from "./declarations/webhook.ts";

export function mergeCatalog(
  previous: Catalog,
  loaded: { readonly discovery: Discovery; readonly host: GenerationHost },
  options: ScheduleOptions,
): Catalog {
  const { discovery, host } = loaded;
  const workflows = new Map<string, ServedWorkflow>();
  for (const workflow of discovery.workflows)
    workflows.set(workflow.workflowName, { ...workflow, host, current: true });
  const broken = brokenPaths(discovery.problems);
  for (const [name, served] of previous.workflows) {
    if (!workflows.has(name) && broken.has(served.sourcePath)) workflows.set(name, { ...served, current: false });
  }
  const declared = declarations(workflows, options);
  return {
    generation: discovery.generation.id,
    workflows,
    ...declared,
    problems: [...discovery.problems.filter((problem) => !isHonoured(problem, options)), ...declared.problems],
    tools: new Map((discovery.tools ?? []).map((tool) => [tool.name, { ...tool, host }])),
    files: discovery.files,
    loadedAt: options.now,
    loadMs: discovery.ms,
  };
}

/** A shorthand of the first version that is read after all has not been ignored. */
function isHonoured({ kind }: Problem, { v1Schedules }: ScheduleOptions): boolean {
  return kind === "shorthand" && v1Schedules === true;
}

/** Workflow files that exist but do not serve what they hold, by their own fault or a helper's. */
function brokenPaths(problems: readonly Problem[]): Set<string> {
  const errors = problems.filter((problem) => problem.severity === "error");
  return new Set(errors.map((problem) => problem.sourcePath ?? problem.path));
}

function declarations(workflows: ReadonlyMap<string, ServedWorkflow>, options: ScheduleOptions) {
  const webhooks = new Map<string, WebhookEntry>();
  const schedules = new Map<string, ScheduleEntry>();
  const problems: Problem[] = [];
  for (const workflow of workflows.values()) {
    const hooks = webhooksOf(workflow, webhooks);
    for (const entry of hooks.entries) webhooks.set(entry.slug, entry);
    const v1 = options.v1Schedules ? workflow.v1Schedule : undefined;
    const fires = schedulesOf({ ...workflow, schedule: workflow.schedule ?? v1 }, schedules, options);
    for (const entry of fires.entries) schedules.set(entry.scheduleId, entry);
    problems.push(...hooks.problems, ...fires.problems);
  }
  return { webhooks, schedules, problems };
}
