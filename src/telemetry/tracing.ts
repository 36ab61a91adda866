// Traces: puts the SDK, the exporter and the spans together over the bus. Loaded only where an endpoint is configured. Spans are gathered in
// a bounded queue and sent beside the work, so a slow or dead collector costs spans and nothing else; close() is bounded too.
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { detectResources, envDetector, resourceFromAttributes } from "@opentelemetry/resources";
import { BasicTracerProvider, BatchSpanProcessor } from "@opentelemetry/sdk-trace-base";
import type { Bus } from "../core/bus.ts";
import type { RequestTracer } from "../core/request-tracer.ts";
import type { Destination } from "./destination.ts";
import { OtlpExporter } from "./otlp-exporter.ts";
import { RequestSpans } from "./request-spans.ts";
import { RunSpans } from "./run-spans.ts";
import { TaskIdGenerator, TaskOrigins } from "./task-origins.ts";

export interface Tracing {
  readonly traceRequest: RequestTracer;
  /** Sends what is gathered, within a bound. */
  close(): Promise<void>;
}

export interface TracingOptions {
  readonly destination: Destination;
  readonly bus: Bus;
  readonly version: string;
  readonly mode: string;
  readonly flushMs?: number;
}

/** How long a stop waits for the last spans. */
const FLUSH_MS = 2_000;

export function startTracing({ destination, bus, version, mode, flushMs = FLUSH_MS }: TracingOptions): Tracing {
  const exporter = new OtlpExporter(destination, createReport(destination, bus));
  const ids = new TaskIdGenerator();
  const resource = resourceFromAttributes({
    "service.name": "chiron",
    "service.version": version,
    "service.instance.id": randomUUID(),
    "deployment.environment.name": mode,
  }).merge(detectResources({ detectors: [envDetector] }));
  const provider = new BasicTracerProvider({
    idGenerator: ids,
    resource,
    spanProcessors: [new BatchSpanProcessor(exporter)],
  });
  const parts = {
    tracer: provider.getTracer("chiron", version),
    ids,
    origins: new TaskOrigins(),
    now: () => performance.timeOrigin + performance.now(),
  };
  const requests = new RequestSpans(parts);
  const runs = new RunSpans(parts);
  // In this order: a run's span hangs under the request that created its task.
  const stops = [bus.subscribe(requests.listen), bus.subscribe(runs.listen)];
  return {
    traceRequest: requests.serve,
    async close() {
      for (const stop of stops) stop();
      runs.close();
      const flushed = new AbortController();
      const sent = provider
        .shutdown()
        .catch(() => undefined)
        .finally(() => flushed.abort());
      await Promise.race([sent, sleep(flushMs, undefined, { signal: flushed.signal }).catch(() => undefined)]);
      exporter.close();
      await sent;
    },
  };
}

/** Says once that spans do not arrive, and again when it is for another reason. */
function createReport({ url }: Destination, bus: Bus): (fault: string | null) => void {
  let last: string | null = null;
  return (fault) => {
    const message = fault === null ? null : `spans do not reach ${url.origin}: ${fault}`;
    if (message !== null && message !== last) bus.publish({ type: "service.error", service: "traces", message });
    last = message;
  };
}
