// The measurements of workflows (ctx.metric, api.metrics) as Prometheus families. What a workflow calls its metrics and labels is bounded
// here: a label that holds an id would otherwise grow without end, in this process and in whatever scrapes it.
import type { Bus, RuntimeEvent } from "../core/bus.ts";
import { Histogram } from "../core/histogram.ts";

/** Names, and label sets of one name. What comes beyond is counted, not kept. */
const MAX_NAMES = 500;
const MAX_SERIES = 200;
const MAX_LABELS = 16;
const MAX_LABEL_LENGTH = 120;
/** Wide, because nothing says what is measured: parts of a second, or thousands of documents. */
const BOUNDS = [0.001, 0.005, 0.025, 0.1, 0.5, 1, 5, 30, 100, 500, 1_000, 10_000, 100_000];
/** Families of the runtime itself: a workflow's metric of such a name is told apart. */
const OWN = /^(?:chiron_|process_|nodejs_|workflow_runs|workflow_active_runs)/;

type Metric = Extract<RuntimeEvent, { type: "metric" }>;
type Kind = "counter" | "gauge" | "histogram";

interface Series {
  value: number;
  readonly histogram: Histogram | null;
}

interface Family {
  readonly kind: Kind;
  /** By label text. */
  readonly series: Map<string, Series>;
}

/** Counts from now on; answers the families as text. */
export function workflowMetrics(bus: Bus): () => string {
  const families = new Map<string, Family>();
  let dropped = 0;
  bus.subscribe((event) => {
    if (event.type === "metric" && !take(families, event)) dropped += 1;
  });
  return () => {
    const text = [...families].map(([name, family]) => familyText(name, family)).join("");
    const help = "Measurements of workflows that were not kept: too many names or labels, no number, or another kind.";
    return `${text}# HELP chiron_metrics_dropped_total ${help}\n# TYPE chiron_metrics_dropped_total counter\nchiron_metrics_dropped_total ${dropped}\n`;
  };
}

function take(families: Map<string, Family>, { kind, name: given, value, labels }: Metric): boolean {
  if (!isKind(kind) || !Number.isFinite(value)) return false;
  const name = metricName(given);
  const family = families.get(name) ?? { kind, series: new Map<string, Series>() };
  if (family.kind !== kind || (kind === "counter" && value < 0)) return false;
  const key = labelText(labels);
  let series = family.series.get(key);
  if (!series) {
    if (family.series.size >= MAX_SERIES || (!families.has(name) && families.size >= MAX_NAMES)) return false;
    series = { value: 0, histogram: kind === "histogram" ? new Histogram(BOUNDS) : null };
    family.series.set(key, series);
    families.set(name, family);
  }
  if (series.histogram) series.histogram.observe(value);
  else series.value = kind === "counter" ? series.value + value : value;
  return true;
}

function isKind(kind: string): kind is Kind {
  return kind === "counter" || kind === "gauge" || kind === "histogram";
}

function metricName(given: string): string {
  const name = given.slice(0, MAX_LABEL_LENGTH).replace(/[^a-zA-Z0-9_:]/g, "_");
  const begun = /^[a-zA-Z_:]/.test(name) ? name : `_${name}`;
  return OWN.test(begun) ? `user_${begun}` : begun;
}

/** Sorted, so that the order in which a workflow names them makes no second series. */
function labelText(labels: string): string {
  const parsed: unknown = JSON.parse(labels);
  if (typeof parsed !== "object" || parsed === null) return "";
  const entries = Object.entries(parsed).slice(0, MAX_LABELS);
  const texts = entries.map(([name, value]): [string, string] => {
    const label = name.slice(0, MAX_LABEL_LENGTH).replace(/[^a-zA-Z0-9_]/g, "_");
    const text = typeof value === "string" ? value : JSON.stringify(value);
    return [/^[a-zA-Z_]/.test(label) ? label : `_${label}`, escape(text.slice(0, MAX_LABEL_LENGTH))];
  });
  return texts
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, text]) => `${name}="${text}"`)
    .join(",");
}

function escape(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}

function familyText(name: string, { kind, series }: Family): string {
  const lines = [...series].map(([labels, { value, histogram }]) =>
    histogram ? histogramText(name, labels, histogram) : `${name}${labels === "" ? "" : `{${labels}}`} ${value}\n`,
  );
  return `# HELP ${name} Measured by workflows.\n# TYPE ${name} ${kind}\n${lines.join("")}`;
}

/** Each bucket holds those before it as well. */
function histogramText(name: string, labels: string, { bounds, counts, count, sum }: Histogram): string {
  const [more, braced] = labels === "" ? ["", ""] : [`${labels},`, `{${labels}}`];
  let below = 0;
  const buckets = bounds.map((bound, at) => {
    below += counts[at]!;
    return `${name}_bucket{${more}le="${bound}"} ${below}\n`;
  });
  const all = `${name}_bucket{${more}le="+Inf"} ${count}\n`;
  return `${buckets.join("")}${all}${name}_sum${braced} ${sum}\n${name}_count${braced} ${count}\n`;
}
