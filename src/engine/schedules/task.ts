// The task of a fire: the schedule's input with what says which occurrence it is, routed as the workflow's other tasks are.
import { fireTime } from "../../core/fire-key.ts";
import { sliceMembers, toJsonText, type JsonText } from "../../core/json-text.ts";
import { queueOf } from "../../core/queues.ts";
import type { NewTask } from "../../ports/store-types.ts";
import type { Occurrence, ScheduleDefinition } from "../../ports/store-schedules.ts";

/** As the reference starts scheduled runs (reference behaviour, section 7.2). */
const HARNESS = "codex";

export interface Fire {
  readonly at: number;
  readonly source: Occurrence["source"];
  readonly key: string;
  /** Fields that win over the declared ones, as the text of an object. */
  readonly input?: JsonText | undefined;
}

export function taskOf(definition: ScheduleDefinition, fire: Fire, defaultMaxAttempts: number): NewTask {
  const { workflowName, queue, maxAttempts } = definition;
  return {
    queue: queue ?? queueOf(workflowName),
    workflowName,
    input: inputOf(definition, fire),
    idempotencyKey: fire.key,
    maxAttempts: maxAttempts ?? defaultMaxAttempts,
    cause: { kind: "schedule", ref: fire.key },
    harnessType: HARNESS,
  };
}

/** Given fields are taken over as the texts they are. */
function inputOf({ scheduleId, input }: ScheduleDefinition, { at, source, input: given }: Fire): JsonText {
  const scheduledFor = fireTime(at);
  const own = given === undefined ? new Map<string, JsonText>() : sliceMembers(given);
  const metadata = {
    ...fieldsOf(input["metadata"]),
    ...fieldsOf(own.has("metadata") ? JSON.parse(own.get("metadata")!) : undefined),
    ...reserved(fieldsOf(input["metadata"])),
    schedule_id: scheduleId,
    scheduled_for: scheduledFor,
    ...(source === "schedule" ? {} : { fire: source }),
  };
  const fields = new Map<string, JsonText>(
    Object.entries({ scheduled_for: scheduledFor, ...input }).map(([name, value]) => [name, toJsonText(value)]),
  );
  for (const [name, text] of own) fields.set(name, text);
  fields.set("metadata", toJsonText(metadata));
  return `{${[...fields].map(([name, text]) => `${JSON.stringify(name)}:${text}`).join(",")}}` as JsonText;
}

/** What the reference promises of the metadata is not for a caller to change. */
function reserved({ source, workflow_name, no_delivery }: Readonly<Record<string, unknown>>): object {
  return { source, workflow_name, no_delivery };
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}
