// The backend `script`: answers from a file by what is asked, for tests and demonstrations. The first answer that fits is given, the
// same for the same turn; nothing leaves this machine.
import path from "node:path";
import { ChironError } from "../../core/errors.ts";
import type { Clock } from "../../ports/clock.ts";
import type { AgentAnswer, AgentBackend, AgentTurn, TurnWatch } from "./backend.ts";
import { readScript, type ScriptAnswer } from "./script-file.ts";
import type { ScriptSettings } from "./settings.ts";
import { startTimeLimits } from "./time-limits.ts";

const SHOWN_LENGTH = 200;

/** A backend that answers from `settings.file`. */
export function createScriptAgent({ file }: ScriptSettings, clock: Clock): AgentBackend {
  return {
    nature: "stubbed",
    by: `script ${path.basename(file)}`,
    turn: (turn, watch) => runTurn(file, clock, turn, watch),
  };
}

async function runTurn(file: string, clock: Clock, turn: AgentTurn, { signal, line }: TurnWatch): Promise<AgentAnswer> {
  const executionId = `script:${turn.executionKey}`;
  const what = `agent ${turn.harness} (script ${path.basename(file)}) on thread ${turn.threadKey}, execution ${executionId},`;
  const answer = (await readScript(file)).find((one) => fits(one, turn));
  if (!answer) {
    throw new ChironError("upstream", `${what} has no answer for: ${turn.prompt.slice(0, SHOWN_LENGTH)}`, {
      hint: `Add one to ${file}; one without match, contains and the like fits everything.`,
      details: { fault: "no_answer" },
    });
  }
  const limits = startTimeLimits(clock, { idleTimeoutMs: null, maxDurationMs: turn.maxDurationMs }, signal, what);
  try {
    if (answer.delayMs > 0) await clock.sleep(answer.delayMs, limits.signal);
    limits.signal.throwIfAborted();
  } finally {
    limits.stop();
  }
  if (answer.error !== undefined) {
    throw new ChironError("upstream", `${what} failed: ${answer.error}`, { details: { fault: "failed" } });
  }
  const resultText = answer.text!.replaceAll("{prompt}", () => turn.prompt);
  const outputLines = answer.lines ?? resultText.split("\n");
  outputLines.forEach(line);
  return { executionId, outputLines, resultText };
}

function fits(answer: ScriptAnswer, turn: AgentTurn): boolean {
  return (
    (answer.match === null || answer.match.test(turn.prompt)) &&
    (answer.contains === undefined || turn.prompt.includes(answer.contains)) &&
    (answer.harness === undefined || answer.harness === turn.harness) &&
    (answer.workflow === undefined || answer.workflow === turn.metadata["workflow_name"]) &&
    (answer.agent === undefined || answer.agent === turn.agentName)
  );
}
