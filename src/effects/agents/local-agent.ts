// The agent that answers when no backend is configured: it does nothing, and says so in every answer.
import type { AgentBackend } from "./backend.ts";

/** Begins every answer, so that no stand-in is taken for an agent. */
const STAND_IN_MARK = "[local stand-in, no agent was asked]";

/** Of the prompt, in the answer. */
const QUOTED_LENGTH = 200;

/** Answers at once, the same for the same turn. */
export function createLocalAgent(): AgentBackend {
  return {
    nature: "stubbed",
    by: "local stand-in",
    async turn({ harness, prompt, executionKey }, { line }) {
      const shown = prompt.length > QUOTED_LENGTH ? `${prompt.slice(0, QUOTED_LENGTH)}…` : prompt;
      const answer = `${STAND_IN_MARK} A ${harness} agent would have been asked: ${shown}`;
      line(answer);
      return { executionId: `local:${executionKey}`, outputLines: [answer], resultText: answer };
    },
  };
}
