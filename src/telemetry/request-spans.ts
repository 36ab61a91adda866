// Spans of HTTP requests, and which tasks they create. A request with a `traceparent` belongs to its caller's trace; one without it that
// creates a task begins that task's trace. Probes and scrapes are left out: they are many and say nothing.
import { AsyncLocalStorage } from "node:async_hooks";
import {
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  type Attributes,
  type Context,
  type Span,
  type Tracer,
} from "@opentelemetry/api";
import { W3CTraceContextPropagator } from "@opentelemetry/core";
import type { RuntimeEvent } from "../core/bus.ts";
import type { RequestTracer, ServedRoute } from "../core/request-tracer.ts";
import type { TaskIdGenerator, TaskOrigins } from "./task-origins.ts";

export interface RequestSpanParts {
  readonly tracer: Tracer;
  readonly ids: TaskIdGenerator;
  readonly origins: TaskOrigins;
  readonly now: () => number;
}

const TRACED = "/api/";

const propagator = new W3CTraceContextPropagator();
const HEADERS = {
  get: (headers: Headers, name: string) => headers.get(name) ?? undefined,
  keys: (headers: Headers) => [...headers.keys()],
};

export class RequestSpans {
  readonly #parts: RequestSpanParts;
  readonly #current = new AsyncLocalStorage<RequestSpan>();

  constructor(parts: RequestSpanParts) {
    this.#parts = parts;
  }

  readonly serve: RequestTracer = async (route, request, answer) => {
    if (!route.path.startsWith(TRACED)) return answer();
    const seen = new RequestSpan(this.#parts, route, request);
    const response = await this.#current.run(seen, answer);
    seen.end(response.status);
    return response;
  };

  /** The bus's listener: a task that is created while a request is served hangs under that request. */
  readonly listen = (event: RuntimeEvent): void => {
    if (event.type !== "task.created") return;
    this.#current.getStore()?.created(event.taskId);
  };
}

/** Begun when something needs its id or at its end, whichever comes first: the first task it creates may name its trace. */
class RequestSpan {
  readonly #parts: RequestSpanParts;
  readonly #name: string;
  readonly #attributes: Attributes;
  readonly #caller: Context;
  readonly #startTime: number;
  #span: Span | null = null;

  constructor(parts: RequestSpanParts, { method, path }: ServedRoute, request: Request) {
    this.#parts = parts;
    this.#startTime = parts.now();
    this.#caller = propagator.extract(ROOT_CONTEXT, request.headers, HEADERS);
    this.#name = `${method} ${path}`;
    const { protocol, pathname } = new URL(request.url);
    this.#attributes = {
      "http.request.method": method,
      "http.route": path,
      "url.path": pathname,
      "url.scheme": protocol.slice(0, -1),
    };
  }

  created(taskId: string): void {
    const span = this.#begun(taskId);
    span.setAttribute("chiron.task_id", taskId);
    this.#parts.origins.set(taskId, { parent: trace.setSpan(this.#caller, span), links: [] });
  }

  end(status: number): void {
    const span = this.#begun(null);
    span.setAttribute("http.response.status_code", status);
    if (status >= 500) span.setStatus({ code: SpanStatusCode.ERROR });
    span.end(this.#parts.now());
  }

  #begun(taskId: string | null): Span {
    if (this.#span) return this.#span;
    const { tracer, ids } = this.#parts;
    const options = { kind: SpanKind.SERVER, startTime: this.#startTime, attributes: this.#attributes };
    const start = (): Span => tracer.startSpan(this.#name, options, this.#caller);
    this.#span = taskId === null ? start() : ids.within(taskId, start);
    return this.#span;
  }
}
