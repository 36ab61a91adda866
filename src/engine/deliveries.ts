// Records a webhook delivery with the run it starts: one transaction, and durable when it answers.
import type { NewDelivery, Recorded } from "../ports/store-deliveries.ts";
import type { CreateRun } from "./contract.ts";
import { announceTask, newTaskOf, type IntakeDeps } from "./intake.ts";

/** `request`: the run of an accepted delivery. Throws what createRun throws, and then nothing is recorded. */
export async function recordDelivery(
  deps: IntakeDeps,
  delivery: Omit<NewDelivery, "task">,
  request: CreateRun | null,
): Promise<Recorded> {
  const task = request === null ? null : newTaskOf(deps, request);
  const recording = deps.store.deliveries.record([{ ...delivery, task }]);
  if (task !== null) deps.poke();
  const recorded = (await recording)[0]!;
  if (task === null) return recorded;
  deps.committed();
  if (recorded.enqueued?.created) announceTask(deps, task, recorded.enqueued);
  return recorded;
}
