// Answers what a handler asks of the engine through ctx: children here, everything that reaches outside through the effects port.
import { ChironError } from "../core/errors.ts";
import { NULL_JSON, parseJson, sliceMembers, toJsonText, type JsonText } from "../core/json-text.ts";
import type { TaskId } from "../core/ids.ts";
import { childStartKey } from "../core/keys.ts";
import type { Effects } from "../ports/effects.ts";
import type { CallAnswer, CtxCall } from "../ports/host.ts";
import type { ClaimedRun } from "../ports/store-types.ts";
import type { CreateRun } from "./contract.ts";
import type { Enqueued } from "../ports/store-types.ts";

export interface CallDeps {
  readonly effects: Effects;
  readonly recorded?: ((taskId: TaskId, call: CtxCall) => Promise<CallAnswer | null>) | undefined;
  readonly createRun: (request: CreateRun) => Promise<Enqueued>;
}

export async function answerCall(
  deps: CallDeps,
  run: ClaimedRun,
  call: CtxCall,
  signal: AbortSignal,
): Promise<CallAnswer> {
  const recorded = (await deps.recorded?.(run.taskId, call)) ?? null;
  if (recorded !== null) return recorded;
  if (call.type === "ctx.workflow.start") return { ok: true, value: await startChild(deps, run, call) };
  if (!deps.effects.types.has(call.type)) {
    return { ok: false, error: `unsupported context request type ${call.type}` };
  }
  const { taskId, runId, workflowName, harnessType } = run;
  const local = call.local === undefined ? {} : { local: call.local };
  const context = { taskId, runId, workflowName, harnessType, ordinal: call.ordinal, signal, ...local };
  return { ok: true, value: await deps.effects.call(call.type, call.args, context) };
}

async function startChild(deps: CallDeps, run: ClaimedRun, call: CtxCall): Promise<JsonText> {
  const args = sliceMembers(call.args);
  const text = (member: string): string | null => {
    const value = parseJson(args.get(member) ?? NULL_JSON);
    return typeof value === "string" && value.trim() !== "" ? value.trim() : null;
  };
  const workflowName = text("workflow_name");
  if (!workflowName) throw new ChironError("bad_request", "start_workflow needs a workflow name");
  const enqueued = await deps.createRun({
    workflowName,
    input: args.get("input") ?? NULL_JSON,
    idempotencyKey: text("idempotency_key") ?? childStartKey(run.taskId, call.ordinal),
    cause: { kind: "child", ref: run.taskId },
    parentTaskId: run.taskId,
  });
  const { taskId, runId, created } = enqueued;
  return toJsonText({ workflow_name: workflowName, task_id: taskId, run_id: runId, created });
}
