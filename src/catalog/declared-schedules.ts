// What the files declare of schedules, as the engine compares it with the store: the set, whether it is whole, and what tells it from another.
import { createHash } from "node:crypto";
import type { Declared } from "../engine/schedules/reconcile.ts";
import type { Catalog } from "./catalog.ts";

/** A folder without a single workflow, or a file that does not load, leaves open what is gone. */
export function declaredSchedules({ schedules, workflows, problems }: Catalog): Declared {
  const whole = !problems.some(
    ({ severity, kind }) => severity === "error" && kind !== "schedule" && kind !== "webhook",
  );
  const wrong = problems.filter(({ severity, kind }) => severity === "error" && kind === "schedule");
  const unsure = new Set(wrong.flatMap(({ workflowName }) => workflowName ?? []));
  return { schedules, complete: whole && workflows.size > 0, unsure };
}

/** Equal for processes that declare the same. */
export function digestOf({ schedules }: Declared): string {
  const sorted = [...schedules].toSorted(([a], [b]) => (a < b ? -1 : 1));
  return createHash("sha256").update(JSON.stringify(sorted)).digest("hex");
}
