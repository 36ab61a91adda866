// One task: how it stands, why it exists, what happened when, and what each thing left behind.
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { Attempts, Checkpoints, ChildList, Effect, RunAnswer, RunEffects, RunView } from "../data/api.ts";
import { get } from "../data/client.ts";
import type { LiveEvent } from "../data/live.ts";
import { useResource } from "../data/resource.ts";
import { Fault } from "../shell/marks.tsx";
import { query, setQuery } from "../shell/router.ts";
import { FailureView } from "./failure-view.tsx";
import { RowDetail } from "./row-detail.tsx";
import { RunHead } from "./run-head.tsx";
import { RunLogs } from "./run-logs.tsx";
import { RunValues } from "./run-values.tsx";
import { timelineOf, type History } from "./timeline.ts";
import { TimelineView } from "./timeline-view.tsx";

/** Children and effects that a page of the run shows; the rest have views of their own. */
const SHOWN = 200;
const TERMINAL = new Set(["completed", "failed", "cancelled"]);

interface Loaded {
  readonly run: RunView;
  readonly history: History;
}

async function load(id: string, signal: AbortSignal): Promise<Loaded> {
  const base = `/api/workflows/runs/${encodeURIComponent(id)}`;
  const [{ run }, { checkpoints, waits }, { attempts }, { children }, { effects }] = await Promise.all([
    get<RunAnswer>(base, signal),
    get<Checkpoints>(`${base}/checkpoints`, signal),
    get<Attempts>(`${base}/attempts`, signal),
    get<ChildList>(`${base}/children?limit=${SHOWN}`, signal),
    get<RunEffects>(`${base}/effects?limit=${SHOWN}`, signal),
  ]);
  return { run, history: { checkpoints, waits, attempts, children, effects: effects as Effect[] } };
}

export function RunPage({ id }: { readonly id: string }) {
  const taskId = useSignal<string | null>(null);
  const concerns = ({ type, data }: LiveEvent): boolean =>
    type !== "run.log" && (data["task_id"] === taskId.value || data["parent_task_id"] === taskId.value);
  const { data, fault, reload } = useResource(id, (signal) => load(id, signal), concerns);
  const loaded = data.value;
  useEffect(() => {
    taskId.value = loaded?.run.task_id ?? null;
  }, [loaded]);
  const now = useNow(loaded !== null && !TERMINAL.has(loaded.run.status));
  if (fault.value && !loaded) return <Fault fault={fault.value} retry={reload} />;
  if (!loaded) return <p class="faint">Loading…</p>;
  const { run, history } = loaded;
  const timeline = timelineOf(history, now);
  const selectedId = selectedRow();
  const selected = timeline.rows.find((row) => row.id === selectedId);
  return (
    <article class="run">
      <RunHead run={run} history={history} onChange={reload} />
      {fault.value && <Fault fault={fault.value} retry={reload} />}
      {run.failure && <FailureView failure={run.failure} />}
      <div class="split">
        <TimelineView timeline={timeline} selected={selectedId} onSelect={(row) => setQuery("at", row.id)} />
        <aside class="detail" aria-label="Details">
          {selected ? <RowDetail row={selected} /> : <RunValues run={run} />}
        </aside>
      </div>
      <RunLogs taskId={run.task_id} />
    </article>
  );
}

/** `?at=step:name`, or shorter `?step=name`. */
function selectedRow(): string | null {
  const step = query.value.get("step");
  return query.value.get("at") ?? (step === null ? null : `step:${step}`);
}

/** The time, every second while something is still going on. */
function useNow(ticking: boolean): number {
  const now = useSignal(Date.now());
  useEffect(() => {
    if (!ticking) return undefined;
    const timer = setInterval(() => (now.value = Date.now()), 1_000);
    return () => clearInterval(timer);
  }, [ticking]);
  return now.value;
}
