// What a server said to deliveries, for the person who sent them.
import { errorInfo } from "../core/errors.ts";
import type { HookAnswer } from "./hook-signer.ts";
import { printable, type Output } from "./output.ts";
import { shortId } from "./run-id.ts";
import { cutText } from "./value-text.ts";

const SHOWN = 200;

/** Prints them and answers the exit code: 3 when one was not taken. `inside`: no server runs here. */
export function printAnswers(output: Output, answers: readonly HookAnswer[], inside: boolean): number {
  const isOk = (status: number): boolean => status >= 200 && status < 300;
  const ok = answers.every(({ status }) => isOk(status));
  if (output.json) {
    const shown = answers.map(({ status, deliveryId, body }) => ({
      status,
      delivery_id: deliveryId,
      body: parsed(body),
    }));
    output.printJson({ ok, answers: shown });
  } else {
    for (const answer of answers) {
      const line = `${answer.status} ${sayAnswer(answer)}`;
      output.print(isOk(answer.status) ? line : output.style("red", line));
    }
    const refused = answers.find(({ status, deliveryId }) => !isOk(status) && deliveryId !== null);
    if (refused && !inside) output.note(`see why with: chiron hooks explain ${shortId(refused.deliveryId!)}`);
    if (ok && inside && answers.some(({ status }) => status === 202))
      output.note('no server runs here: "chiron dev" will run it');
  }
  return ok ? 0 : errorInfo("check_failed").exit;
}

function sayAnswer({ body, retryAfter }: HookAnswer): string {
  const value = parsed(body);
  if (typeof value !== "object" || value === null) return cutText(printable(body), SHOWN);
  const fields = value as Record<string, unknown>;
  if (typeof fields["task_id"] === "string") {
    const run = `${String(fields["workflow_name"])} ${shortId(fields["task_id"])}`;
    return fields["idempotent"] === true ? `came before: ${run}` : `started ${run}`;
  }
  if (fields["filtered"] === true) return "filtered: the webhook does not want it";
  const again = retryAfter === null ? "" : ` (again in ${retryAfter} s)`;
  return typeof fields["error"] === "string" ? printable(fields["error"]) + again : cutText(printable(body), SHOWN);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}
