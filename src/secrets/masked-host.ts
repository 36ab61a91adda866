// A workflow host whose discoveries carry no secret: what an import raised is shown to whoever asks for the catalog.
import { NO_MASK, type Mask } from "../core/redaction.ts";
import type { DiscoveredTool, Problem, WorkflowHost } from "../ports/host.ts";
import { withMethod } from "./with-method.ts";

type Loaded = NonNullable<Awaited<ReturnType<WorkflowHost["load"]>>>;

export function maskedHost(host: WorkflowHost, mask: Mask): WorkflowHost {
  if (mask === NO_MASK) return host;
  const masked = withMethod(host, "load", async (options) => {
    const loaded = await host.load(options);
    return loaded && maskedLoad(loaded, mask);
  });
  if (!host.open) return masked;
  return withMethod(masked, "open", async (...args) => maskedLoad(await host.open!(...args), mask));
}

function maskedLoad(loaded: Loaded, mask: Mask): Loaded {
  const { discovery } = loaded;
  const problems = discovery.problems.map((problem) => maskedProblem(problem, mask));
  const tools = (discovery.tools ?? []).map((tool) => maskedTool(tool, mask));
  return { ...loaded, discovery: { ...discovery, problems, tools } };
}

function maskedProblem(problem: Problem, mask: Mask): Problem {
  const { message, traceback } = problem;
  return { ...problem, message: mask(message), ...(traceback === undefined ? {} : { traceback: mask(traceback) }) };
}

function maskedTool(tool: DiscoveredTool, mask: Mask): DiscoveredTool {
  return tool.problem === null ? tool : { ...tool, problem: mask(tool.problem) };
}
