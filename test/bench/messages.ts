// How many lines a run makes the Python host send. Counted where they arrive, on a real host: the engine behind it does not matter.
import path from "node:path";
import { fileURLToPath } from "node:url";
import { createPythonHost } from "../../adapters/python/host.ts";
import { RunChannel } from "../../adapters/python/run-channel.ts";
import type { RunId, TaskId } from "../../src/core/ids.ts";
import { toJsonText } from "../../src/core/json-text.ts";
import type { RunSession, RunStart } from "../../src/ports/host.ts";
import { atMost, type Section } from "./figures.ts";

const HOST_SCRIPT = fileURLToPath(new URL("../../adapters/python/workflow-host", import.meta.url));
const WORKFLOWS = fileURLToPath(new URL("workflows", import.meta.url));

export const messages: Section = {
  name: "messages",
  title: "Messages from the host",
  async run(bench) {
    const [few, many] = await countMessages(path.join(bench.dir, "messages"), [10, 110]);
    const perStep = (many! - few!) / 100;
    return [
      { name: "messages per step", value: perStep, unit: "", target: atMost(1, 1) },
      { name: "messages per run beside its steps", value: few! - 10 * perStep, unit: "", target: atMost(1, 1) },
    ];
  },
};

/** The frames that a run of each of these many steps sends, from its start to its end. */
export async function countMessages(stateDir: string, steps: readonly number[]): Promise<number[]> {
  const host = createPythonHost({
    dirs: [WORKFLOWS],
    hostScript: HOST_SCRIPT,
    stateDir,
    env: process.env,
    allow: null,
    walkAll: false,
    onEvent: () => undefined,
  });
  let count = 0;
  // By reflection, because it is put back and called with its own `this` only.
  const receive = Reflect.get(RunChannel.prototype, "receive") as (...frame: unknown[]) => void;
  RunChannel.prototype.receive = function counted(...frame) {
    count += 1;
    receive.apply(this, frame);
  };
  try {
    const loaded = await host.load();
    const counts: number[] = [];
    for (const number of steps) {
      count = 0;
      const end = await loaded!.host.run(runOf(number), SESSION, new AbortController().signal);
      if (end.kind !== "result") throw new Error(`the run ended with ${JSON.stringify(end)}`);
      counts.push(count);
    }
    return counts;
  } finally {
    RunChannel.prototype.receive = receive;
    await host.close();
  }
}

/** Keeps everything and answers at once. */
const SESSION: RunSession = {
  step: async () => ({ ok: true }),
  suspend: async () => ({ suspended: true }),
  call: async () => ({ ok: false, error: "not in this bench" }),
  log: () => undefined,
  metric: () => undefined,
};

function runOf(steps: number): RunStart {
  const id = "00000000-0000-7000-8000-000000000001";
  return {
    runId: id as RunId,
    taskId: id as TaskId,
    workflowName: "bench_steps",
    attempt: 1,
    input: toJsonText({ steps }),
    recorded: [],
  };
}
