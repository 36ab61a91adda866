// All tasks, newest first, as they change: the newest pages are asked again when something happens, older ones stay as they were read.
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { RunList, RunView } from "../data/api.ts";
import { ExactNumber, get, type Refusal } from "../data/client.ts";
import { useResource } from "../data/resource.ts";
import { Chips, Choice, chosen, FreeText } from "../shell/filters.tsx";
import { Command, Empty, Fault, STATES } from "../shell/marks.tsx";
import { go, query, runPath } from "../shell/router.ts";
import { countsByState, session } from "../shell/session.ts";
import { VirtualList } from "../shell/virtual-list.tsx";
import { RunRow } from "./run-row.tsx";

const PAGE = 100;
const CHANGES = /^(?:task|run)\.(?!log|step)/;

export function RunsPage() {
  const states = chosen("state").join(",");
  const workflow = query.value.get("workflow") ?? "";
  const words = (query.value.get("q") ?? "").toLowerCase();
  const params = new URLSearchParams({ limit: String(PAGE) });
  if (states !== "") params.set("status", states);
  if (workflow !== "") params.set("workflow_name", workflow);
  const key = params.toString();
  const newest = useResource<RunList>(
    key,
    (signal) => get(`/api/workflows/runs?${key}`, signal),
    ({ type }) => CHANGES.test(type),
  );
  const older = useOlder(key);
  const selected = useSignal(-1);
  const runs = joined(newest.data.value?.runs ?? [], older.runs.value);
  const shown = words === "" ? runs : runs.filter((run) => textOf(run).includes(words));
  const next = older.runs.value.length > 0 ? older.cursor.value : (newest.data.value?.next_cursor ?? null);
  const counts = workflow === "" ? countsByState.value : countsOf(workflow);
  return (
    <section class="runs">
      <div class="filters">
        <Chips name="state" words={STATES} counts={counts} />
        <Choice name="workflow" label="workflow" values={workflowNames()} />
        <FreeText label="Find in names, ids, inputs, results" />
        <span class="faint" role="status">
          {shown.length.toLocaleString("en")} shown
        </span>
      </div>
      {newest.fault.value && <Fault fault={newest.fault.value} retry={newest.reload} />}
      {older.fault.value && <Fault fault={older.fault.value} />}
      {newest.data.value && shown.length === 0 ? (
        <NoRuns filtered={states + workflow + words !== ""} />
      ) : (
        <VirtualList
          count={shown.length}
          rowHeight={34}
          label="Runs"
          selected={selected.value}
          onSelect={(index) => (selected.value = index)}
          row={(index) => <RunRow run={shown[index]!} />}
        />
      )}
      {next !== null && (
        <button type="button" class="wide" onClick={() => older.load(next)}>
          Older runs
        </button>
      )}
      <OpenOnEnter run={shown[selected.value]} />
    </section>
  );
}

/** Pages after the first, by cursor. */
function useOlder(key: string) {
  const runs = useSignal<readonly RunView[]>([]);
  const cursor = useSignal<string | null>(null);
  const fault = useSignal<Refusal | null>(null);
  useEffect(() => {
    runs.value = [];
    cursor.value = null;
  }, [key]);
  const load = (from: string): void => {
    get<RunList>(`/api/workflows/runs?${key}&cursor=${from}`).then(
      (page) => {
        runs.value = [...runs.value, ...page.runs];
        cursor.value = page.next_cursor;
        fault.value = null;
      },
      (error: Refusal) => (fault.value = error),
    );
  };
  return { runs, cursor, fault, load };
}

/** The newest page wins where both have a task. */
function joined(newest: readonly RunView[], older: readonly RunView[]): RunView[] {
  const seen = new Set(newest.map((run) => run.task_id));
  return [...newest, ...older.filter((run) => !seen.has(run.task_id))];
}

function textOf(run: RunView): string {
  const write = (_key: string, value: unknown): unknown => (value instanceof ExactNumber ? value.text : value);
  const values = JSON.stringify([run.input, run.result?.output ?? null, run.failure?.message ?? ""], write);
  return `${run.workflow_name} ${run.task_id} ${run.run_id} ${run.idempotency_key ?? ""} ${values}`.toLowerCase();
}

function workflowNames(): string[] {
  return [...new Set((session.value?.counts ?? []).map((row) => row.workflow_name))].toSorted();
}

function countsOf(workflow: string): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { workflow_name, status, count } of session.value?.counts ?? []) {
    if (workflow_name === workflow) counts[status] = (counts[status] ?? 0) + count;
  }
  return counts;
}

function NoRuns({ filtered }: { readonly filtered: boolean }) {
  if (filtered) {
    return (
      <Empty title="No run fits these filters">
        <p>
          <a href="/runs">Show all runs</a>. Free text looks through the runs that are loaded.
        </p>
      </Empty>
    );
  }
  return (
    <Empty title="Nothing has run yet">
      <p>Start a workflow from a terminal, and it appears here at once:</p>
      <Command text="chiron workflows list" />
      <Command text="chiron run hello --wait" />
    </Empty>
  );
}

function OpenOnEnter({ run }: { readonly run: RunView | undefined }) {
  useEffect(() => {
    const open = (event: KeyboardEvent): void => {
      if (event.key === "Enter" && run && (event.target as Element).role === "list") go(runPath(run.task_id));
    };
    window.addEventListener("keydown", open);
    return () => window.removeEventListener("keydown", open);
  }, [run]);
  return null;
}
