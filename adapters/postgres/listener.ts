// Tells at once when a run becomes due, whoever made it so. Only shortens the wait: where a pooler swallows notifications or the
// connection is lost, due runs are found by asking. Behind a pooler that lends sessions by the transaction nobody listens: the pooler's
// own session would, for ever and for nobody.
import { setTimeout as wait } from "node:timers/promises";
import pg from "pg";
import { lendsByTransaction } from "./pooler.ts";

export interface Listener {
  /** Calls `listen` at every notification until the function it answers is called. */
  subscribe(listen: () => void): () => void;
  /** As a notification does, for what this process has made due without saying so otherwise. */
  tell(): void;
  close(): Promise<void>;
}

const CHANNELS = "select chiron.wake_channel(queue) as channel from chiron.queues";
const RETRY_MS = 5_000;

/**
 * Connects with the first subscriber. `isOwn` tells the sender of a notification from this process's own: whoever writes here says so
 * himself, and looking twice would cost more than the write.
 */
export function createListener(config: pg.ClientConfig, isOwn: (processId: number) => boolean): Listener {
  const listeners = new Set<() => void>();
  const stop = new AbortController();
  let loop: Promise<void> | null = null;
  const tell = (): void => {
    for (const listen of listeners) listen();
  };
  const keepListening = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      const reachable = await listenOnce(config, stop.signal, ({ processId }) => {
        if (!isOwn(processId)) tell();
      }).catch(() => true);
      if (!reachable) return;
      await wait(RETRY_MS, undefined, { signal: stop.signal, ref: false }).catch(() => undefined);
    }
  };
  return {
    tell,
    subscribe(listen) {
      // A wrapper, so that one function may subscribe twice.
      const own = (): void => listen();
      listeners.add(own);
      loop ??= keepListening();
      return () => void listeners.delete(own);
    },
    async close() {
      stop.abort();
      await loop;
    },
  };
}

/** Settles when the connection has ended; false: notifications do not pass here. */
async function listenOnce(
  config: pg.ClientConfig,
  stop: AbortSignal,
  tell: (sent: pg.Notification) => void,
): Promise<boolean> {
  const client = new pg.Client(config);
  const ended = new Promise<void>((resolve) => {
    client.on("end", resolve);
    client.on("error", () => resolve());
  });
  client.on("notification", tell);
  const end = (): void => void client.end();
  try {
    await client.connect();
    stop.addEventListener("abort", end, { once: true });
    if (stop.aborted) return true;
    if (await lendsByTransaction({ client, connect: () => connect(config) })) return false;
    const { rows } = await client.query<{ channel: string }>(CHANNELS);
    for (const { channel } of rows) await client.query(`listen ${pg.escapeIdentifier(channel)}`);
    await ended;
    return true;
  } finally {
    stop.removeEventListener("abort", end);
    await client.end().catch(() => undefined);
  }
}

async function connect(config: pg.ClientConfig): Promise<pg.Client> {
  const client = new pg.Client(config);
  client.on("error", () => undefined);
  await client.connect();
  return client;
}
