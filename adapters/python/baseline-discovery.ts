// Asks a baseline host what the folders declare. As in the reference one line that is not JSON fails the whole discovery.
import { ChironError } from "../../src/core/errors.ts";
import type { DiscoveredWorkflow, Problem } from "../../src/ports/host.ts";
import { parseObject, type Launch } from "./baseline-run.ts";
import { toProblem, toWorkflow } from "./discovery.ts";
import { LineSplitter, asUtf8 } from "./line-splitter.ts";
import { describeEnd } from "./process.ts";
import { LOAD_LIMIT_MS } from "./run-process.ts";

export interface BaselineDiscovery {
  readonly workflows: readonly DiscoveredWorkflow[];
  readonly problems: readonly Problem[];
}

/** Rejects with ChironError host_failed. The process is gone afterwards. */
export async function discoverBaseline(launch: Launch): Promise<BaselineDiscovery> {
  const lines = new LineSplitter();
  const { promise, resolve, reject } = Promise.withResolvers<BaselineDiscovery>();
  const fail = (why: string): void =>
    reject(new ChironError("host_failed", `Python workflow discovery error: ${why}${quoted(process.stderr())}`));
  const read = (line: string): void => {
    if (line.trim() === "") return;
    const message = parseObject(asUtf8(line));
    if (!message) fail(`the host wrote a line that is not JSON: ${asUtf8(line.slice(0, 200))}`);
    else if (message["type"] === "workflow.discovery") resolve(toDiscovery(message));
    else if (message["type"] === "host.error") fail(String(message["message"]));
    else fail(`unexpected Python workflow host message type ${String(message["type"])}`);
  };
  const process = launch({ onOutput: (chunk) => lines.push(chunk, read) });
  const timer = setTimeout(() => fail(`no answer within ${LOAD_LIMIT_MS / 1_000} s`), LOAD_LIMIT_MS);
  void process.ended.then((end) => fail(`the host ${describeEnd(end)}`));
  process.write('{"type":"workflow.discover"}\n');
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    process.kill();
    await process.ended;
  }
}

function toDiscovery(message: Record<string, unknown>): BaselineDiscovery {
  const { workflows, problems } = message as unknown as {
    workflows?: readonly Parameters<typeof toWorkflow>[0][];
    problems?: readonly Parameters<typeof toProblem>[0][];
  };
  const specOf = (webhook: unknown): unknown => (webhook as { spec?: unknown } | null)?.spec ?? webhook;
  return {
    workflows: (workflows ?? []).map((wire) => toWorkflow({ ...wire, webhooks: (wire.webhooks ?? []).map(specOf) })),
    problems: (problems ?? []).map(toProblem),
  };
}

function quoted(stderr: string): string {
  return stderr === "" ? "" : `\n${stderr}`;
}
