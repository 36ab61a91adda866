// What an examination of `chiron doctor` is asked and answers.
import type { CommandContext } from "./command.ts";

export interface Diagnosis {
  readonly name: string;
  /** ok; warn: works, but something is worth knowing; fail: something will not work. */
  readonly status: "ok" | "warn" | "fail";
  readonly message: string;
  /** What to do; with every warn and fail. */
  readonly fix?: string;
}

export type Examination = (context: Pick<CommandContext, "wiring" | "config">) => Promise<Diagnosis> | Diagnosis;
