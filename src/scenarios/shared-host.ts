// One loaded generation for many engines: each gets a host of its own that answers with what was loaded once, puts the scenario's stubs into
// its runs, and tells when something of a run has become durable. Loading and ending the real host is the owner's matter.
import type { Discovery, GenerationHost, RunSession, RunStart, WorkflowHost } from "../ports/host.ts";
import type { Boundary } from "./bench.ts";
import type { ScenarioStubs } from "./format.ts";
import { runStubsFor } from "./stub-files.ts";

export interface HostOrder {
  readonly stubs: ScenarioStubs;
  readonly onBoundary: (boundary: Boundary) => Promise<void>;
}

export interface LoadedHost {
  readonly discovery: Discovery;
  readonly host: GenerationHost;
}

/** A host for one engine on `loaded`, which `real` has loaded. Closing it closes nothing. */
export function hostFor(real: WorkflowHost, { discovery, host }: LoadedHost, order: HostOrder): WorkflowHost {
  const own: GenerationHost = {
    generation: host.generation,
    run: async (start, session, signal) => {
      const stubs = runStubsFor(order.stubs, start);
      await order.onBoundary({ workflowName: start.workflowName, what: `start of attempt ${start.attempt}` });
      const watched = withBoundaries(session, start, order.onBoundary);
      return host.run(stubs === undefined ? start : { ...start, stubs }, watched, signal);
    },
    ...(host.callTool ? { callTool: (...args) => host.callTool!(...args) } : {}),
    retire: () => Promise.resolve(),
    kill: () => Promise.resolve(),
  };
  return {
    load: async ({ unless } = {}) => (unless === discovery.generation.id ? null : { discovery, host: own }),
    source: (sha256, path) => real.source(sha256, path),
    status: () => real.status(),
    interpreter: () => real.interpreter(),
    close: () => Promise.resolve(),
  };
}

function withBoundaries(
  session: RunSession,
  { workflowName }: RunStart,
  onBoundary: HostOrder["onBoundary"],
): RunSession {
  return {
    ...session,
    async step(write) {
      const answer = await session.step(write);
      if (answer.ok) await onBoundary({ workflowName, what: `step ${write.name}` });
      return answer;
    },
    async suspend(waits) {
      const answer = await session.suspend(waits);
      const names = waits.map(({ step }) => step).join(", ");
      if (!("gone" in answer)) await onBoundary({ workflowName, what: `wait ${names}` });
      return answer;
    },
  };
}
