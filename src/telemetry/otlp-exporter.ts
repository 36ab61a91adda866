// Sends finished spans to a collector, over HTTP, in OpenTelemetry's own encodings. What fails is tried again within the export's time and
// then given up. close() ends everything at once, waits included: the SDK's exporter keeps timers that would hold a process which wants to end.
import fs from "node:fs";
import http from "node:http";
import https from "node:https";
import { setTimeout as sleep } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { ExportResultCode, type ExportResult } from "@opentelemetry/core";
import { JsonTraceSerializer, ProtobufTraceSerializer } from "@opentelemetry/otlp-transformer";
import type { ReadableSpan, SpanExporter } from "@opentelemetry/sdk-trace-base";
import { messageOf } from "../core/errors.ts";
import type { Destination } from "./destination.ts";

/** What a collector answers that is busy or restarting. */
const RETRYABLE: ReadonlySet<number> = new Set([429, 502, 503, 504]);
const FIRST_BACKOFF_MS = 500;

type Sent = { readonly ok: true } | { readonly ok: false; readonly again: boolean; readonly why: string };

export class OtlpExporter implements SpanExporter {
  readonly #destination: Destination;
  readonly #report: (fault: string | null) => void;
  readonly #pending = new Set<Promise<void>>();
  readonly #closing = new AbortController();
  readonly #agent: http.Agent;
  readonly #request: typeof http.request;

  /** `report`: told what keeps spans from arriving, and null when one export got through. */
  constructor(destination: Destination, report: (fault: string | null) => void) {
    this.#destination = destination;
    this.#report = report;
    const { url, tls } = destination;
    const pem = Object.entries(tls).map(([name, file]) => [name, fs.readFileSync(file)] as const);
    const secure = url.protocol === "https:";
    this.#request = secure ? https.request : http.request;
    this.#agent = secure
      ? new https.Agent({ keepAlive: true, ...Object.fromEntries(pem) })
      : new http.Agent({ keepAlive: true });
  }

  export(spans: ReadableSpan[], done: (result: ExportResult) => void): void {
    const delivery = this.#deliver(spans).then((fault) => {
      this.#pending.delete(delivery);
      if (!this.#closing.signal.aborted) this.#report(fault);
      done(
        fault === null
          ? { code: ExportResultCode.SUCCESS }
          : { code: ExportResultCode.FAILED, error: new Error(fault) },
      );
    });
    this.#pending.add(delivery);
  }

  /** Waits for what is under way. */
  async shutdown(): Promise<void> {
    await Promise.all(this.#pending);
    this.close();
  }

  /** Gives up what is under way. May be called twice. */
  close(): void {
    this.#closing.abort();
    this.#agent.destroy();
  }

  /** Null, or why the spans did not arrive. Never rejects. */
  async #deliver(spans: ReadableSpan[]): Promise<string | null> {
    const { timeoutMs, encoding } = this.#destination;
    const deadline = performance.now() + timeoutMs;
    let backoffMs = FIRST_BACKOFF_MS;
    try {
      const serializer = encoding === "json" ? JsonTraceSerializer : ProtobufTraceSerializer;
      const body = serializer.serializeRequest(spans);
      if (!body) return "the spans could not be encoded";
      for (;;) {
        const sent = await this.#send(body, deadline - performance.now());
        if (sent.ok) return null;
        const waitMs = backoffMs * (0.8 + Math.random() * 0.4);
        if (!sent.again || performance.now() + waitMs >= deadline) return sent.why;
        await sleep(waitMs, undefined, { signal: this.#closing.signal });
        backoffMs *= 2;
      }
    } catch (error) {
      return messageOf(error);
    }
  }

  #send(body: Uint8Array, timeoutMs: number): Promise<Sent> {
    const { url, headers, gzip, encoding } = this.#destination;
    const bytes = gzip ? gzipSync(body) : body;
    const signal = AbortSignal.any([this.#closing.signal, AbortSignal.timeout(Math.max(1, Math.ceil(timeoutMs)))]);
    return new Promise((resolve) => {
      const failed = (error: Error): void => resolve({ ok: false, again: !signal.aborted, why: causeOf(error) });
      const request = this.#request(url, {
        method: "POST",
        agent: this.#agent,
        signal,
        headers: {
          ...headers,
          "content-type": encoding === "json" ? "application/json" : "application/x-protobuf",
          "content-length": bytes.byteLength,
          "user-agent": "OTel-OTLP-Exporter-JavaScript chiron",
          ...(gzip ? { "content-encoding": "gzip" } : {}),
        },
      });
      request.on("error", failed);
      request.on("response", (response) => {
        const status = response.statusCode ?? 0;
        response.on("error", failed);
        response.on("end", () => {
          if (status >= 200 && status < 300) resolve({ ok: true });
          else resolve({ ok: false, again: RETRYABLE.has(status), why: `the collector answered ${status}` });
        });
        response.resume();
      });
      request.end(bytes);
    });
  }
}

function causeOf(error: Error): string {
  const timedOut = error.cause instanceof Error && error.cause.name === "TimeoutError";
  return timedOut
    ? "the collector did not answer in time"
    : error.message || (error as NodeJS.ErrnoException).code || error.name;
}
