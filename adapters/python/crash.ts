// What a run's record says when the process under it has ended.
import type { Failure } from "../../src/ports/store-types.ts";
import { describeEnd, type ProcessEnd } from "./process.ts";

export interface CrashCircumstances {
  readonly pid: number;
  /** The runtime gave the process up, because of this. */
  readonly broken: string | null;
  /** The runtime ended it: for a cancelled neighbour, or because the generation ends. */
  readonly byUs: boolean;
  readonly guilty: boolean;
}

/** The failure of a run whose process is gone, with the process's last words (a faulthandler traceback among them). */
export function crashFailure(end: ProcessEnd, circumstances: CrashCircumstances): Failure {
  const { pid, broken, byUs, guilty } = circumstances;
  const failure = {
    name: "$HostCrashed",
    message: `host process ${pid} ${broken ?? why(end, byUs, guilty)}`,
    crash: kind(end, byUs),
  };
  return end.stderr === "" ? failure : { ...failure, traceback: end.stderr };
}

function why(end: ProcessEnd, byUs: boolean, guilty: boolean): string {
  if (byUs) return guilty ? "was ended because another run in it could not be cancelled" : "was ended by the runtime";
  if (end.signal === "SIGKILL") return "was ended by SIGKILL, which out of memory looks like";
  return describeEnd(end);
}

function kind(end: ProcessEnd, byUs: boolean): string {
  if (end.signal === null) return "exit";
  // Nobody but the kernel's out-of-memory killer usually sends SIGKILL.
  return end.signal === "SIGKILL" && !byUs ? "oom" : "signal";
}
