// Sends signed deliveries, each another one: at a steady rate, or as fast as the connections take them.
import { createHmac } from "node:crypto";
import { Connection, type Answer } from "./client.ts";

export const BENCH_SLUG = "bench";
export const BENCH_SECRET = "a secret for the bench alone";

export interface Burst {
  readonly sent: number;
  /** Answers by their status. */
  readonly statuses: ReadonlyMap<number, number>;
  /** From the moment it was due until its answer, in ms. */
  readonly latencies: readonly number[];
  readonly seconds: number;
}

export class HookLoad {
  readonly #port: number;
  readonly #idle: Connection[];
  readonly #all: readonly Connection[];
  readonly #due: number[] = [];
  readonly #fault = Promise.withResolvers<never>();
  #latencies: number[] = [];
  #statuses = new Map<number, number>();
  #number = 0;
  #open = 0;
  #refill = false;
  #drained: (() => void) | null = null;

  private constructor(port: number, connections: readonly Connection[]) {
    this.#port = port;
    this.#all = connections;
    this.#idle = [...connections];
    this.#fault.promise.catch(() => undefined);
  }

  static async open(port: number, connections: number): Promise<HookLoad> {
    return new HookLoad(port, await Promise.all(Array.from({ length: connections }, () => Connection.open(port))));
  }

  /** So many a second for so long; what finds no free connection waits, and its wait counts. */
  async steady(perSecond: number, ms: number): Promise<Burst> {
    const started = performance.now();
    const count = Math.round((perSecond * ms) / 1_000);
    for (let due = 0; due < count;) {
      const now = performance.now() - started;
      const wanted = Math.min(count, Math.floor((now * perSecond) / 1_000));
      for (; due < wanted; due += 1) this.#due.push(started + (due * 1_000) / perSecond);
      this.#pump();
      await Promise.race([new Promise((resolve) => setTimeout(resolve, 5)), this.#fault.promise]);
    }
    return this.#ended(started);
  }

  /** Every connection always busy. */
  async flood(ms: number): Promise<Burst> {
    const started = performance.now();
    this.#refill = true;
    this.#pump();
    await Promise.race([new Promise((resolve) => setTimeout(resolve, ms)), this.#fault.promise]);
    this.#refill = false;
    return this.#ended(started);
  }

  /** So many, as fast as they are taken. */
  async count(deliveries: number): Promise<Burst> {
    const started = performance.now();
    for (let n = 0; n < deliveries; n += 1) this.#due.push(started);
    this.#pump();
    return this.#ended(started);
  }

  close(): void {
    for (const connection of this.#all) connection.close();
  }

  async #ended(started: number): Promise<Burst> {
    if (this.#open > 0 || this.#due.length > 0) {
      const drained = new Promise<void>((resolve) => (this.#drained = resolve));
      await Promise.race([drained, this.#fault.promise]);
    }
    const [latencies, statuses] = [this.#latencies, this.#statuses];
    this.#latencies = [];
    this.#statuses = new Map();
    return { sent: latencies.length, statuses, latencies, seconds: (performance.now() - started) / 1_000 };
  }

  #pump(): void {
    while (this.#idle.length > 0 && (this.#refill || this.#due.length > 0)) {
      const due = this.#due.shift() ?? performance.now();
      const connection = this.#idle.pop()!;
      this.#open += 1;
      connection.send(
        this.#request(),
        (answer) => this.#answered(connection, due, answer),
        (error) => this.#fault.reject(error),
      );
    }
  }

  #answered(connection: Connection, due: number, { status }: Answer): void {
    this.#latencies.push(performance.now() - due);
    this.#statuses.set(status, (this.#statuses.get(status) ?? 0) + 1);
    this.#open -= 1;
    this.#idle.push(connection);
    this.#pump();
    if (this.#open === 0 && this.#due.length === 0) this.#drained?.();
  }

  #request(): string {
    this.#number += 1;
    const body = `{"action":"opened","number":${this.#number},"issue":{"title":"Spelling error in the README file","state":"open"}}`;
    const signature = createHmac("sha256", BENCH_SECRET).update(body).digest("hex");
    return `POST /api/webhooks/${BENCH_SLUG} HTTP/1.1\r\nhost: 127.0.0.1:${this.#port}\r\ncontent-type: application/json\r
x-github-event: issues\r\nx-github-delivery: ${process.pid}-${this.#number}\r\nx-hub-signature-256: sha256=${signature}\r
content-length: ${body.length}\r\n\r\n${body}`;
  }
}
