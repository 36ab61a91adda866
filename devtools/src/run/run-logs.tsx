// A task's log lines, read page by page and added to as they come.
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { LogLine, Logs } from "../data/api.ts";
import { get, type Refusal } from "../data/client.ts";
import { follow } from "../data/live.ts";
import { visible } from "../shell/json-tree.tsx";
import { Fault } from "../shell/marks.tsx";
import { clockTime } from "../shell/times.ts";
import { VirtualList } from "../shell/virtual-list.tsx";
import { preview } from "../runs/run-row.tsx";

const PAGE = 500;
/** More would fill the page's memory; the command line has them all. */
const MOST = 20_000;
const PAUSE_MS = 200;

export function RunLogs({ taskId }: { readonly taskId: string }) {
  const lines = useSignal<readonly LogLine[]>([]);
  const fault = useSignal<Refusal | null>(null);
  const chosen = useSignal<LogLine | null>(null);
  useEffect(() => readLogs(taskId, (more) => (lines.value = [...lines.value, ...more]), (error) => (fault.value = error)), [taskId]); // prettier-ignore
  if (fault.value) return <Fault fault={fault.value} />;
  if (lines.value.length === 0) return <p class="faint">No log lines.</p>;
  return (
    <section class="logs" aria-label="Logs">
      <h2>
        Logs <span class="faint">{lines.value.length.toLocaleString("en")}</span>
      </h2>
      <VirtualList
        count={lines.value.length}
        rowHeight={22}
        label="Log lines"
        selected={chosen.value ? lines.value.indexOf(chosen.value) : -1}
        onSelect={(index) => (chosen.value = lines.value[index]!)}
        row={(index) => <Line line={lines.value[index]!} />}
      />
      {chosen.value && <pre class="chosen">{visible(chosen.value.message.slice(0, 20_000))}</pre>}
    </section>
  );
}

function Line({ line }: { readonly line: LogLine }) {
  return (
    <span class={`log ${line.level}`}>
      <time class="faint">{clockTime(line.at)}</time> <b>{line.level}</b> {visible(line.message.slice(0, 500))}
      {line.fields !== null && <span class="faint"> {preview(line.fields)}</span>}
    </span>
  );
}

/** Reads what there is, then what comes; answers how to stop. */
function readLogs(
  taskId: string,
  add: (lines: readonly LogLine[]) => void,
  failed: (error: Refusal) => void,
): () => void {
  const ending = new AbortController();
  const ended = (): boolean => ending.signal.aborted;
  let after: number | null = null;
  let count = 0;
  let busy = false;
  let stale = false;
  const read = async (): Promise<void> => {
    if (busy) {
      stale = true;
      return;
    }
    busy = true;
    try {
      for (let full = true; full && count < MOST && !ended();) {
        const page = after === null ? "" : `&after=${after}`;
        const { logs, next_after }: Logs = await get<Logs>(`/api/workflows/runs/${taskId}/logs?limit=${PAGE}${page}`, ending.signal); // prettier-ignore
        after = next_after;
        count += logs.length;
        full = logs.length === PAGE;
        if (logs.length > 0) add(logs);
      }
    } catch (error) {
      if (!ended()) failed(error as Refusal);
    }
    setTimeout(() => {
      busy = false;
      if (stale && !ended()) {
        stale = false;
        void read();
      }
    }, PAUSE_MS);
  };
  void read();
  const stop = follow(
    ({ data }) => void (data["task_id"] === taskId && read()),
    () => void read(),
  );
  return () => {
    stop();
    ending.abort();
  };
}
