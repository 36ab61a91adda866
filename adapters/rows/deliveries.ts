// Rows of webhook deliveries as core types. Both stores select them under the same names; a truth is a number where there are no booleans.
import type { TaskId } from "../../src/core/ids.ts";
import type { JsonText } from "../../src/core/json-text.ts";
import type { Delivery, DeliveryOutcome } from "../../src/ports/store-deliveries.ts";
import { unpackText, unpackTextOrNull } from "./stored-text.ts";

export interface DeliveryRow {
  readonly id: string;
  readonly slug: string;
  readonly workflow_name: string;
  readonly received_at: number;
  readonly method: string;
  readonly url: string;
  readonly headers: JsonText;
  readonly body_sha256: string;
  readonly body_size: number;
  readonly source_ip: string | null;
  readonly outcome: DeliveryOutcome;
  readonly checks: JsonText;
  readonly key: string | null;
  readonly task_id: TaskId | null;
  readonly created: boolean | 0 | 1;
  readonly same_body: boolean | 0 | 1;
}

export function deliveryOf(row: DeliveryRow): Delivery {
  return {
    id: row.id,
    slug: unpackText(row.slug),
    workflowName: unpackText(row.workflow_name),
    receivedAt: row.received_at,
    method: row.method,
    url: unpackText(row.url),
    headers: row.headers,
    bodySha256: row.body_sha256,
    bodySize: row.body_size,
    sourceIp: row.source_ip,
    outcome: row.outcome,
    checks: row.checks,
    key: unpackTextOrNull(row.key),
    taskId: row.task_id,
    created: Boolean(row.created),
    sameBody: Boolean(row.same_body),
  };
}
