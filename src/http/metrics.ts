// Prometheus text: tasks by queue, state and workflow, ends of runs since the start, and the process.
import type { ApiDeps } from "./deps.ts";
import type { Histogram } from "../core/histogram.ts";
import { ALL_QUEUES } from "../core/queues.ts";
import { measure, type Measures } from "./measures.ts";
import { answer } from "./responses.ts";
import { route, type Route } from "./route.ts";
import { workflowMetrics } from "./workflow-metrics.ts";

const TYPE = "text/plain; version=0.0.4; charset=utf-8";

interface Sample {
  readonly labels?: Readonly<Record<string, string>>;
  readonly value: number;
}

export function metricRoutes(deps: ApiDeps): Route[] {
  const ends = countEnds(deps);
  const measures = measure(deps.bus);
  const measured = workflowMetrics(deps.bus);
  return [
    route({
      method: "GET",
      path: "/metrics",
      name: "metrics",
      summary: "Figures in Prometheus text format.",
      access: "local",
      answers: { 200: { description: "The figures.", type: TYPE } },
      async handle() {
        const counts = await deps.store.reads.counts();
        const tasks = counts.map(({ queue, state, workflowName, count }) => ({
          labels: { queue, state, workflow: workflowName },
          value: count,
        }));
        const text = [
          family("workflow_runs", "gauge", "Tasks in the store by queue, state and workflow.", tasks),
          family("workflow_runs_total", "counter", "Runs that ended since the start.", ends()),
          family("workflow_active_runs", "gauge", "Runs being executed now.", [{ value: deps.engine.activeRuns() }]),
          family("chiron_store_commits_total", "counter", "Transactions the store committed since the start.", [
            { value: deps.store.admin.commits() },
          ]),
          ...batchFamilies(deps),
          family(
            "chiron_queue_oldest_due_seconds",
            "gauge",
            "How long the oldest due run of a queue has waited.",
            await waits(deps),
          ),
          ...measureFamilies(deps, measures),
          ...processFamilies(deps),
          measured(),
        ].join("");
        return answer(text, TYPE);
      },
    }),
  ];
}

/** Counts ends of runs from the bus: what the store holds can shrink by retention, a counter must not. */
function countEnds({ bus }: ApiDeps): () => Sample[] {
  const totals = new Map<string, { readonly labels: { workflow: string; state: string }; value: number }>();
  const add = (workflow: string, state: string): void => {
    const key = `${state} ${workflow}`;
    const total = totals.get(key) ?? { labels: { workflow, state }, value: 0 };
    total.value += 1;
    totals.set(key, total);
  };
  bus.subscribe((event) => {
    if (event.type === "run.completed") add(event.workflowName, "completed");
    else if (event.type === "run.failed") add(event.workflowName, event.nextAttemptAt === null ? "failed" : "retried");
    // The event does not name the workflow; an empty label is the same as none.
    else if (event.type === "run.cancelled") add("", "cancelled");
  });
  return () => [...totals.values()];
}

/** 0: nothing is due. */
async function waits({ store, clock }: ApiDeps): Promise<Sample[]> {
  const due = await Promise.all(ALL_QUEUES.map((queue) => store.claims.nextDueAt([queue])));
  const now = clock.now();
  return ALL_QUEUES.map((queue, index) => ({
    labels: { queue },
    value: Math.max(0, now - (due[index] ?? now)) / 1_000,
  }));
}

/** How well the store gathers: many calls a commit under load, one where nobody else writes. */
function batchFamilies({ store }: ApiDeps): string[] {
  const { commits, claims } = store.admin.batches();
  return [
    histogram("chiron_commit_calls", "Calls of the store that one commit carried.", commits),
    histogram("chiron_claim_runs", "Runs that one claim brought, of claims that found any.", claims),
  ];
}

function measureFamilies({ catalog }: ApiDeps, { steps, startDelays, reloads, hostEnds }: Measures): string[] {
  const { workflows, problems } = catalog.current();
  const errors = problems.filter((problem) => problem.severity === "error").length;
  return [
    histogram("chiron_step_seconds", "How long the bodies of new steps took.", steps),
    histogram("chiron_start_delay_seconds", "From when a run was due to when its host got it.", startDelays),
    family("chiron_reloads_total", "counter", "Loads of the workflow folders that brought a change.", [
      { value: reloads() },
    ]),
    family("chiron_workflows", "gauge", "Workflows that serve.", [{ value: workflows.size }]),
    family("chiron_problems", "gauge", "Errors in workflow files.", [{ value: errors }]),
    family("chiron_host_crashes_total", "counter", "Python processes that ended without being asked to.", [
      { value: hostEnds() },
    ]),
  ];
}

function processFamilies({ info }: ApiDeps): string[] {
  const memory = process.memoryUsage();
  const cpu = process.cpuUsage();
  const startedAt = Date.now() / 1_000 - process.uptime();
  return [
    family("chiron_build_info", "gauge", "Version and mode.", [{ labels: { ...info }, value: 1 }]),
    family("process_resident_memory_bytes", "gauge", "Resident memory.", [{ value: memory.rss }]),
    family("nodejs_heap_size_used_bytes", "gauge", "JavaScript heap in use.", [{ value: memory.heapUsed }]),
    family("process_cpu_seconds_total", "counter", "CPU time, user and system.", [
      { value: (cpu.user + cpu.system) / 1_000_000 },
    ]),
    family("process_start_time_seconds", "gauge", "Start, in seconds since the epoch.", [{ value: startedAt }]),
  ];
}

/** In Prometheus' form: each bucket holds those before it as well. */
function histogram(name: string, help: string, { bounds, counts, count, sum }: Histogram): string {
  let below = 0;
  const buckets = bounds.map((bound, index) => {
    below += counts[index]!;
    return `${name}_bucket{le="${bound}"} ${below}\n`;
  });
  const all = `${name}_bucket{le="+Inf"} ${count}\n${name}_sum ${sum}\n${name}_count ${count}\n`;
  return `# HELP ${name} ${help}\n# TYPE ${name} histogram\n${buckets.join("")}${all}`;
}

function family(name: string, type: "gauge" | "counter", help: string, samples: readonly Sample[]): string {
  const lines = samples.map(({ labels, value }) => `${name}${labelText(labels)} ${value}\n`);
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join("")}`;
}

function labelText(labels: Readonly<Record<string, string>> | undefined): string {
  if (!labels) return "";
  return `{${Object.entries(labels)
    .map(([name, value]) => `${name}="${escapeLabel(value)}"`)
    .join(",")}}`;
}

function escapeLabel(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
