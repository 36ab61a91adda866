// A generation as it is kept: the manifest of a discovery, without what a store or another machine could not take as a name.
import type { Discovery, KeptGeneration } from "../ports/host.ts";

export function keptGeneration({ generation, dirs, files, workflows }: Discovery): KeptGeneration {
  const served = workflows.map(({ workflowName, sourcePath }): [string, string] => [workflowName, sourcePath]);
  return {
    id: generation.id,
    dirs,
    files: Object.fromEntries([...files].filter(isNamed)),
    workflows: Object.fromEntries(served.filter(isNamed)),
  };
}

/** Such a file is imported from the disk, also by a generation that is loaded again. */
function isNamed([name]: readonly [string, string]): boolean {
  return name.isWellFormed() && !name.includes("\0");
}
