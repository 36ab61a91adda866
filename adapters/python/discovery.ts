// What a host's discovery says, in the port's words. Declarations stay as the file made them: the catalog judges them.
import { ChironError } from "../../src/core/errors.ts";
import { parseJson, toJsonText, type JsonText } from "../../src/core/json-text.ts";
import type { DiscoveredTool, DiscoveredWorkflow, Problem } from "../../src/ports/host.ts";

export interface DiscoveryBody {
  readonly workflows: readonly DiscoveredWorkflow[];
  readonly problems: readonly Problem[];
  readonly tools: readonly DiscoveredTool[];
  /** Absolute path -> sha256. */
  readonly files: ReadonlyMap<string, string>;
}

interface WireWorkflow {
  readonly workflow_name: string;
  readonly source_path: string;
  readonly webhooks?: readonly unknown[];
  readonly schedule?: unknown;
  readonly v1_schedule?: unknown;
  readonly lines?: { readonly webhook?: number; readonly schedule?: number };
  readonly principal?: true | string | null;
  readonly input_schema?: unknown;
  readonly description?: string | null;
}

interface WireProblem {
  readonly path: string;
  readonly line?: number | null;
  readonly kind: string;
  readonly message: string;
  readonly severity?: "error" | "warning";
  readonly traceback?: string;
  readonly workflow_name?: string;
  readonly source_path?: string;
}

type WireTool = Omit<DiscoveredTool, "problem"> & { readonly problem?: string };

interface WireDiscovery {
  readonly workflows?: readonly WireWorkflow[];
  readonly problems?: readonly WireProblem[];
  readonly files?: Readonly<Record<string, string>>;
  readonly tools?: readonly WireTool[];
}

/** Reads a discovery. Throws ChironError host_failed when it is not one. */
export function readDiscovery(body: JsonText): DiscoveryBody {
  let wire: WireDiscovery;
  try {
    wire = parseJson(body) as WireDiscovery;
    return {
      workflows: (wire.workflows ?? []).map(toWorkflow),
      problems: (wire.problems ?? []).map(toProblem),
      tools: (wire.tools ?? []).map((tool) => ({ ...tool, problem: tool.problem ?? null })),
      files: new Map(Object.entries(wire.files ?? {}).filter(([, hash]) => hash !== "")),
    };
  } catch (cause) {
    throw new ChironError("host_failed", "the Python host's discovery cannot be read", { cause });
  }
}

export function toWorkflow(wire: WireWorkflow): DiscoveredWorkflow {
  return {
    workflowName: wire.workflow_name,
    sourcePath: wire.source_path,
    webhooks: wire.webhooks ?? [],
    schedule: wire.schedule ?? null,
    ...(wire.v1_schedule ? { v1Schedule: wire.v1_schedule } : {}),
    ...(wire.lines ? { lines: wire.lines } : {}),
    principal: wire.principal ?? null,
    inputSchema: wire.input_schema ? toJsonText(wire.input_schema) : null,
    description: wire.description ?? null,
  };
}

export function toProblem(wire: WireProblem): Problem {
  const { path, line, kind, message, severity, traceback, workflow_name, source_path } = wire;
  return {
    path,
    line: line ?? null,
    kind,
    message,
    severity: severity ?? "error",
    ...(traceback ? { traceback } : {}),
    ...(workflow_name ? { workflowName: workflow_name } : {}),
    ...(source_path ? { sourcePath: source_path } : {}),
  };
}

/** A file that could not even be copied never reached the host. */
export function unreadable({ path, message }: { readonly path: string; readonly message: string }): Problem {
  return { path, line: null, kind: "unreadable", message, severity: "error" };
}
