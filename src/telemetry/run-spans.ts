// Spans of runs, from what the bus says: one for each execution (from a claim to its end or its next sleep) with its steps below it and its
// sleep as an event. An execution links to the one before it and, of a child workflow, to the parent's run.
import {
  SpanKind,
  SpanStatusCode,
  trace,
  type Attributes,
  type Context,
  type Link,
  type Span,
  type Tracer,
} from "@opentelemetry/api";
import type { RuntimeEvent } from "../core/bus.ts";
import type { TaskIdGenerator, TaskOrigins } from "./task-origins.ts";

export interface RunSpanParts {
  readonly tracer: Tracer;
  readonly ids: TaskIdGenerator;
  readonly origins: TaskOrigins;
  /** Milliseconds since the epoch, as exact as the process can tell. */
  readonly now: () => number;
}

type Of<T extends RuntimeEvent["type"]> = Extract<RuntimeEvent, { type: T }>;

interface Open {
  readonly runId: string;
  readonly span: Span;
  readonly context: Context;
}

export class RunSpans {
  readonly #parts: RunSpanParts;
  readonly #open = new Map<string, Open>();

  constructor(parts: RunSpanParts) {
    this.#parts = parts;
  }

  /** The bus's listener. */
  readonly listen = (event: RuntimeEvent): void => {
    switch (event.type) {
      case "task.created":
        return this.#created(event);
      case "run.started":
        return this.#started(event);
      case "run.step":
        return this.#step(event);
      case "effect.done":
      case "effect.failed":
        return this.#effect(event);
      case "run.sleeping":
        return this.#sleeping(event);
      case "run.completed":
        return this.#end(event, "completed", { last: true });
      case "run.failed":
        return this.#failed(event);
      case "run.cancelled":
        return this.#end(event, "cancelled", { last: true });
      case "run.released":
      case "run.lost":
        return this.#end(event, event.type === "run.lost" ? "lost" : "released", { reason: event.reason });
      default:
    }
  };

  /** Ends what is still open: the process stops. */
  close(): void {
    for (const { span } of this.#open.values()) span.setAttribute("chiron.outcome", "stopped").end();
    this.#open.clear();
  }

  #created({ taskId, workflowName, parentTaskId }: Of<"task.created">): void {
    const parent = parentTaskId === undefined ? undefined : this.#open.get(parentTaskId);
    if (!parent) return;
    parent.span.addEvent("child started", { "chiron.child.task_id": taskId, "chiron.child.workflow": workflowName });
    const { parent: above, links } = this.#parts.origins.of(taskId);
    const link: Link = { context: parent.span.spanContext(), attributes: { "chiron.link": "parent" } };
    this.#parts.origins.set(taskId, { parent: above, links: [...links, link] });
  }

  #started(event: Of<"run.started">): void {
    const { taskId, workflowName } = event;
    const { tracer, ids, origins } = this.#parts;
    // What never came to an end that was told is over when its task runs again.
    const unended = this.#open.get(taskId);
    if (unended) this.#end({ taskId, runId: unended.runId }, "unknown");
    const origin = origins.of(taskId);
    const options = { kind: SpanKind.CONSUMER, attributes: attributesOf(event), links: [...origin.links] };
    const span = ids.within(taskId, () => tracer.startSpan(`run ${workflowName}`, options, origin.parent));
    this.#open.set(taskId, { runId: event.runId, span, context: trace.setSpan(origin.parent, span) });
    const before: Link = { context: span.spanContext(), attributes: { "chiron.link": "previous execution" } };
    origins.set(taskId, { parent: origin.parent, links: [before] });
  }

  /** Told when the step is on disk; the span is of its body. */
  #step({ taskId, step, durationMs }: Of<"run.step">): void {
    const open = this.#open.get(taskId);
    if (!open) return;
    const { tracer, now } = this.#parts;
    const endTime = now();
    const attributes = { "chiron.step": step };
    tracer.startSpan(`step ${step}`, { startTime: endTime - durationMs, attributes }, open.context).end(endTime);
  }

  /** A call to the outside, told at its end. */
  #effect(event: Of<"effect.done"> | Of<"effect.failed">): void {
    const open = this.#open.get(event.taskId);
    if (open?.runId !== event.runId) return;
    const { tracer, now } = this.#parts;
    const endTime = now();
    const attributes: Attributes = { "chiron.call": event.callType, "chiron.effect_id": event.effectId };
    if (event.target !== null) attributes["chiron.target"] = event.target;
    const options = { kind: SpanKind.CLIENT, startTime: endTime - event.durationMs, attributes };
    const span = tracer.startSpan(`call ${event.callType}`, options, open.context);
    if (event.type === "effect.failed") span.setStatus({ code: SpanStatusCode.ERROR, message: event.message });
    span.end(endTime);
  }

  #sleeping(event: Of<"run.sleeping">): void {
    const attributes: Attributes = { "chiron.waits": [...event.waits] };
    if (event.wakeAt !== null) attributes["chiron.wake_at"] = new Date(event.wakeAt).toISOString();
    this.#open.get(event.taskId)?.span.addEvent("sleeping", attributes);
    this.#end(event, "sleeping");
  }

  #failed(event: Of<"run.failed">): void {
    const { taskId, name, message, nextAttemptAt } = event;
    const span = this.#open.get(taskId)?.span;
    span?.recordException({ name, message });
    span?.setStatus({ code: SpanStatusCode.ERROR, message: `${name}: ${message}` });
    if (nextAttemptAt !== null) span?.setAttribute("chiron.retry", true);
    this.#end(event, "failed", { last: nextAttemptAt === null });
  }

  /** `last`: no further run of the task is to be expected. */
  #end(
    { taskId, runId }: { readonly taskId: string; readonly runId: string },
    outcome: string,
    { last = false, reason }: { readonly last?: boolean; readonly reason?: string } = {},
  ): void {
    const open = this.#open.get(taskId);
    if (open?.runId === runId) {
      open.span.setAttribute("chiron.outcome", outcome);
      if (reason !== undefined) open.span.setAttribute("chiron.reason", reason);
      open.span.end();
      this.#open.delete(taskId);
    }
    if (last) this.#parts.origins.forget(taskId);
  }
}

function attributesOf(event: Of<"run.started">): Attributes {
  return {
    "chiron.task_id": event.taskId,
    "chiron.run_id": event.runId,
    "chiron.workflow": event.workflowName,
    "chiron.attempt": event.attempt,
    "chiron.queue": event.queue,
    "chiron.generation": event.generation,
    "chiron.delay_ms": Math.max(0, event.delayMs),
  };
}
