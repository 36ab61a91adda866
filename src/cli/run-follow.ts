// Follows one run to its end. The stream of events says when to look; what is shown is read from the API itself, so every log line
// comes exactly once and complete, and a lost connection costs nothing but time.
import { setTimeout as sleep } from "node:timers/promises";
import { ChironError } from "../core/errors.ts";
import type { JsonText } from "../core/json-text.ts";
import { isTerminal } from "../core/states.ts";
import type { Client } from "./client.ts";
import { sliceElements } from "../core/json-elements.ts";
import { serverEvents, type ServerEvent } from "./sse.ts";
import { getMembers, getRun, runPath, wire, type Wire, type WireLog, type WireRun } from "./wire-run.ts";

export interface Follower {
  /** A log line, in order. */
  readonly log?: (line: Wire<WireLog>) => void;
  /** Another event of the run: its type and its data. The first one is `state`, the run as it is found. */
  readonly event?: (type: string, data: JsonText) => void;
}

/** A server that is being restarted is back within this time. */
const PATIENCE_MS = 20_000;
const AGAIN_MS = 500;
/** A line is announced in the turn its commit begins in; these many looks wait for the commit. */
const LOOKS = 20;
const LOOK_MS = 25;
const PAGE = 1_000;

/** The run at its end; null when the signal aborted first. Throws what the API answers, and unavailable when the server stays away. */
export async function followRun(
  client: Client,
  id: string,
  signal: AbortSignal,
  follower: Follower = {},
): Promise<Wire<WireRun> | null> {
  const logs = follower.log ? new LogReader(client, id, follower.log) : null;
  let missedSince: number | null = null;
  while (!signal.aborted) {
    try {
      const response = await client.open(runPath(id, "events"), signal);
      missedSince = null;
      await logs?.read();
      // What happened before the stream stood is told by the run itself.
      follower.event?.("state", (await getRun(client, id)).text);
      await readEvents(serverEvents(response, signal), logs, follower);
      const run = await getRun(client, id);
      await logs?.read();
      if (isTerminal(run.value.status)) return run;
    } catch (error) {
      if (signal.aborted) return null;
      missedSince ??= performance.now();
      const passing = !(error instanceof ChironError) || error.code === "unavailable";
      if (!passing || performance.now() - missedSince > PATIENCE_MS) throw error;
    }
    await sleep(AGAIN_MS, undefined, { signal }).catch(() => undefined);
  }
  return null;
}

async function readEvents(
  events: AsyncIterable<ServerEvent>,
  logs: LogReader | null,
  follower: Follower,
): Promise<void> {
  for await (const event of events) {
    if (event.event === "end") return;
    if (event.event === "run.log") await logs?.readUntil(event);
    else if (event.event !== "state") {
      // What a step wrote stands before what became of its run.
      if (event.event !== "run.step") await logs?.read();
      follower.event?.(event.event, event.data as JsonText);
    }
  }
}

const keyOf = (line: Pick<WireLog, "run_id" | "source" | "message">): string =>
  `${line.run_id}\n${line.source}\n${line.message}`;

/** Reads the log from where it was left. */
export class LogReader {
  readonly #client: Client;
  readonly #id: string;
  readonly #show: (line: Wire<WireLog>) => void;
  /** Lines that were read before their event came, each with how often. */
  readonly #ahead = new Map<string, number>();
  #after = 0;

  constructor(client: Client, id: string, show: (line: Wire<WireLog>) => void) {
    this.#client = client;
    this.#id = id;
    this.#show = show;
  }

  /** Shows everything that is new. */
  async read(): Promise<void> {
    for (;;) {
      const members = await getMembers(this.#client, `${runPath(this.#id, "logs")}?limit=${PAGE}&after=${this.#after}`);
      const texts = sliceElements(members.get("logs")!);
      for (const text of texts) {
        const line = wire<WireLog>(text);
        this.#after = line.value.id;
        const key = keyOf(line.value);
        this.#ahead.set(key, (this.#ahead.get(key) ?? 0) + 1);
        this.#show(line);
      }
      if (texts.length < PAGE) return;
    }
  }

  /** Reads until the line of this event has been shown. */
  async readUntil(event: ServerEvent): Promise<void> {
    const key = keyOf(JSON.parse(event.data) as WireLog);
    for (let look = 0; look < LOOKS; look += 1) {
      if (this.#takeAhead(key)) return;
      if (look > 0) await sleep(LOOK_MS);
      await this.read();
    }
  }

  #takeAhead(key: string): boolean {
    const count = this.#ahead.get(key);
    if (count === undefined) return false;
    if (count === 1) this.#ahead.delete(key);
    else this.#ahead.set(key, count - 1);
    return true;
  }
}
