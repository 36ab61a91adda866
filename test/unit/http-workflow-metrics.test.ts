import { expect, test } from "vitest";
import { Bus } from "../../src/core/bus.ts";
import { workflowMetrics } from "../../src/http/workflow-metrics.ts";

function measured(...metrics: readonly [kind: string, name: string, value: number, labels?: object][]): string {
  const bus = new Bus();
  const text = workflowMetrics(bus);
  for (const [kind, name, value, labels = {}] of metrics)
    bus.publish({ type: "metric", kind, name, value, labels: JSON.stringify(labels) });
  return text();
}

test("counters add up by labels in any order, gauges keep the last value, histograms count", () => {
  const text = measured(
    ["counter", "hits", 1, { a: "x", b: 2 }],
    ["counter", "hits", 2, { b: 2, a: "x" }],
    ["gauge", "depth", 3],
    ["gauge", "depth", 2],
    ["histogram", "took", 0.05, { lane: 'quo"te\n' }],
  );
  expect(text).toContain('# TYPE hits counter\nhits{a="x",b="2"} 3\n');
  expect(text).toContain("# TYPE depth gauge\ndepth 2\n");
  expect(text).toContain('took_bucket{lane="quo\\"te\\n",le="0.1"} 1\n');
  expect(text).toContain('took_count{lane="quo\\"te\\n"} 1\n');
  expect(text).toContain("chiron_metrics_dropped_total 0\n");
});

test("names that Prometheus does not take are changed, and names of the runtime's own are told apart", () => {
  const text = measured(
    ["gauge", "my metric-1", 1],
    ["gauge", "1st", 1],
    ["counter", "workflow_runs", 1],
    ["gauge", "l", 1, { "a-b": 1, "9": 2 }],
  );
  for (const line of ["my_metric_1 1", "_1st 1", "user_workflow_runs 1", 'l{_9="2",a_b="1"} 1'])
    expect(text).toContain(`\n${line}\n`);
});

test("labels without bound are cut off and counted", () => {
  const many = Array.from({ length: 1_000 }, (_, at): [string, string, number, object] => [
    "counter",
    "seen",
    1,
    { user: `u${at}` },
  ]);
  const text = measured(...many);
  expect(text.match(/^seen\{/gm)).toHaveLength(200);
  expect(text).toContain("chiron_metrics_dropped_total 800\n");
});

test("names without bound are cut off and counted", () => {
  const many = Array.from({ length: 600 }, (_, at): [string, string, number] => ["counter", `n${at}`, 1]);
  expect(measured(...many)).toContain("chiron_metrics_dropped_total 100\n");
});

test("what cannot be a measurement is counted, not shown", () => {
  const text = measured(
    ["gauge", "x", 1],
    ["counter", "x", 1],
    ["gauge", "y", Number.NaN],
    ["counter", "z", -1],
    ["rate", "r", 1],
  );
  expect(text).toContain("chiron_metrics_dropped_total 4\n");
  expect(text).not.toMatch(/^[yzr] /m);
});
