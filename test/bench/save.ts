// Twenty saves of a workflow file: how long until the new code serves. Each is proved by a run that answers what only that code can.
import fs from "node:fs";
import path from "node:path";
import { EventCounter } from "./client.ts";
import { atMost, quantile, type Section } from "./figures.ts";
import { OneAtATime } from "./one-at-a-time.ts";
import { startServer } from "./server.ts";

const EDITS = 20;

export const save: Section = {
  name: "save",
  title: "Save to served",
  async run(bench) {
    const dir = path.join(bench.dir, "save");
    const workflows = path.join(dir, "workflows");
    fs.mkdirSync(workflows, { recursive: true });
    const file = path.join(workflows, "saved.py");
    fs.writeFileSync(file, code(0));
    const server = await startServer({ dir, workflows });
    let served = (): void => undefined;
    const reloads = await EventCounter.open(server.port, { "catalog.reloaded": () => served() });
    const runs = await OneAtATime.open(server);
    const times: number[] = [];
    try {
      for (let version = 1; version <= EDITS; version += 1) {
        const reloaded = new Promise<void>((resolve) => (served = resolve));
        const saved = performance.now();
        fs.writeFileSync(file, code(version));
        await reloaded;
        times.push(performance.now() - saved);
        const { output } = await runs.run("saved");
        if (output !== version) throw new Error(`edit ${version} did not serve: the run answered ${String(output)}`);
      }
    } finally {
      reloads.close();
      runs.close();
      await server.stop();
    }
    return [
      { name: `save to served, p50 of ${EDITS}`, value: quantile(times, 0.5), unit: "ms", target: atMost(300, 300) },
      {
        name: `save to served, p95 of ${EDITS}`,
        value: quantile(times, 0.95),
        unit: "ms",
        target: atMost(1_000, 1_000),
      },
    ];
  },
};

function code(version: number): string {
  return `WORKFLOW_NAME = "saved"\n\n\nasync def handler(inp, ctx):\n    return await ctx.step("version", lambda: ${version})\n`;
}
