// Reads a task with all that belongs to it out of a store, as the parts of a bundle.
import { ChironError } from "../core/errors.ts";
import type { TaskId } from "../core/ids.ts";
import type { Store } from "../ports/store.ts";
import type { Effect } from "../ports/store-effects.ts";
import type { LogLine, Run, StoredEvent, Task, Wait } from "../ports/store-types.ts";
import { PARTS, type Bundle, type BundleParts } from "./bundle.ts";

const PAGE = 200;
/** The newest lines of a log that are taken along. */
const MOST_LINES = 50_000;

/** Null: there is no such task. `id` is a task's or a run's. Throws ChironError too_large. */
export async function collectBundle(
  store: Store,
  id: string,
  about: { readonly chironVersion: string; readonly now: number },
): Promise<Bundle | null> {
  const found = await store.reads.find(id);
  if (!found) return null;
  const { task } = found;
  const { taskId } = task;
  const [runs, checkpoints, waits, logs, effects, deliveries] = await Promise.all([
    store.reads.runs(taskId),
    store.reads.checkpoints(taskId),
    store.reads.waits(taskId),
    linesOf(store, taskId),
    effectsOf(store, taskId),
    deliveriesOf(store, taskId),
  ]);
  const events = await eventsOf(store, waits);
  const code = await codeOf(store, task, runs, about.now);
  const parts = { task: [task], runs, checkpoints, waits, events, logs, effects, deliveries, ...code };
  for (const [name, { most }] of Object.entries(PARTS)) {
    const { length } = parts[name as keyof BundleParts];
    if (length > most)
      throw new ChironError("too_large", `task ${taskId} has ${length} ${name}; a bundle holds ${most}`);
  }
  const { workflowName } = task;
  const { chironVersion, now: exportedAt } = about;
  return { about: { chironVersion, exportedAt, taskId, workflowName, redacted: false, replaced: [] }, parts };
}

async function linesOf(store: Store, taskId: TaskId): Promise<LogLine[]> {
  const lines: LogLine[] = [];
  for (let after = 0; ;) {
    const page = await store.logs.list(taskId, { after, limit: 1_000 });
    for (const { runId, at, level, source, message, fields } of page) {
      lines.push({ taskId, runId, at, level, source, message, fields });
    }
    if (page.length < 1_000) return lines.slice(-MOST_LINES);
    after = page.at(-1)!.id;
  }
}

async function effectsOf({ effects }: Store, taskId: TaskId): Promise<Effect[]> {
  const found: Effect[] = [];
  for (let before: string | undefined; ;) {
    const page = await effects.list({ taskId, limit: PAGE, ...(before === undefined ? {} : { before }) });
    // Lists leave long values out.
    const whole = await Promise.all(page.map(({ id }) => effects.get(id)));
    found.push(...whole.filter((effect) => effect !== null));
    if (page.length < PAGE) return found.toReversed();
    before = page.at(-1)!.id;
  }
}

async function deliveriesOf({ deliveries }: Store, taskId: TaskId): Promise<BundleParts["deliveries"]> {
  const listed = await deliveries.list({ taskId, limit: PARTS.deliveries.most });
  const found = await Promise.all(
    listed.map(async (delivery) => {
      const body = await deliveries.body(delivery.id);
      return body ? { ...delivery, body: body.toString("base64") } : null;
    }),
  );
  return found.filter((delivery) => delivery !== null);
}

async function eventsOf({ events }: Store, waits: readonly Wait[]): Promise<StoredEvent[]> {
  const names = waits.flatMap(({ kind, target }) => (kind === "event" && target !== null ? [target] : []));
  const found = await Promise.all([...new Set(names)].map((name) => events.get(name)));
  return found.filter((event) => event !== null);
}

async function codeOf(
  { code }: Store,
  task: Task,
  runs: readonly Run[],
  now: number,
): Promise<Pick<BundleParts, "generations" | "sources">> {
  const ids = new Set([task.pinnedGeneration, ...runs.map(({ generation }) => generation)].filter((id) => id !== null));
  const generations = (await Promise.all([...ids].map((id) => code.get(id)))).filter((one) => one !== null);
  const hashes = [...new Set(generations.flatMap(({ files }) => Object.values(files)))];
  const sources = await code.sources(hashes);
  return {
    generations,
    sources: sources.map(({ sha256, content }) => ({
      sha256,
      storedAt: now,
      content: Buffer.from(content).toString("base64"),
    })),
  };
}
