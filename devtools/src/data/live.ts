// What happens in the runtime, as it happens: one connection for the whole page. When it breaks it is made again, sooner at first, and
// everybody who shows something is told to look anew, because events may have been missed meanwhile.
import { signal } from "@preact/signals";
import { keyWanted } from "./client.ts";

export interface LiveEvent {
  readonly seq: number;
  readonly at: number;
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
}

export const connection = signal<"connecting" | "live" | "lost">("connecting");

const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 5_000;

type Listener = (event: LiveEvent) => void;
const listeners = new Set<Listener>();
const resumers = new Set<() => void>();
let seq = 0;

/** Calls `listener` for every event, and `resumed` whenever events may have been missed. Answers how to stop. */
export function follow(listener: Listener, resumed: () => void = () => undefined): () => void {
  listeners.add(listener);
  resumers.add(resumed);
  return () => {
    listeners.delete(listener);
    resumers.delete(resumed);
  };
}

/** Follows for ever; called once. */
export async function connect(): Promise<never> {
  let waitMs = FIRST_WAIT_MS;
  let wasLive = false;
  for (;;) {
    const broken = await read(() => {
      waitMs = FIRST_WAIT_MS;
      connection.value = "live";
      if (wasLive) for (const resumed of resumers) resumed();
      wasLive = true;
    });
    connection.value = broken;
    await pause(waitMs);
    waitMs = Math.min(LONGEST_WAIT_MS, waitMs * 2);
  }
}

/** Until the time is over or the person comes back to the page. */
function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms);
    window.addEventListener("online", done, { once: true });
    function done(): void {
      clearTimeout(timer);
      window.removeEventListener("online", done);
      resolve();
    }
  });
}

async function read(opened: () => void): Promise<"lost"> {
  try {
    const response = await fetch("/api/events", { headers: { accept: "text/event-stream" } });
    if (response.status === 401) keyWanted.value = true;
    if (!response.ok || !response.body) return "lost";
    opened();
    let rest = "";
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return "lost";
      const blocks = (rest + value).split("\n\n");
      rest = blocks.pop()!;
      for (const block of blocks) deliver(block);
    }
  } catch {
    // A broken connection says so by itself; the next one is made after a pause.
    return "lost";
  }
}

function deliver(block: string): void {
  let type = "";
  let data = "";
  for (const line of block.split("\n")) {
    if (line.startsWith("event: ")) type = line.slice(7);
    else if (line.startsWith("data: ")) data += data === "" ? line.slice(6) : `\n${line.slice(6)}`;
  }
  if (type === "") return;
  const event = { seq: (seq += 1), at: Date.now(), type, data: JSON.parse(data) as LiveEvent["data"] };
  for (const listener of listeners) listener(event);
}
