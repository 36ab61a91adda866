// Everything a workflow reaches outside, behind one port. Agents and Slack are stand-ins that say so; tools go to the tool API.
import { ChironError } from "../core/errors.ts";
import type { Clock } from "../ports/clock.ts";
import type { Effects } from "../ports/effects.ts";
import { agentTurn, runAgents } from "./local-agent.ts";
import { postToSlack, updateSlack, type Outlet } from "./local-slack.ts";
import { callTool } from "./tools.ts";

export interface EffectDeps {
  readonly clock: Clock;
  readonly toolApiUrl: string | undefined;
  /** Takes the Slack messages that are not posted. */
  readonly outlet: Outlet;
}

export function createEffects(deps: EffectDeps): Effects {
  return {
    types: new Set(["ctx.agent_turn", "ctx.run_agents", "ctx.call_tool", "ctx.post_to_slack", "ctx.update_slack"]),
    async call(type, args, context) {
      switch (type) {
        case "ctx.agent_turn":
          return agentTurn(args, context);
        case "ctx.run_agents":
          return runAgents(args, context);
        case "ctx.call_tool":
          return callTool(args, context, deps);
        case "ctx.post_to_slack":
          return postToSlack(args, context, deps.outlet);
        case "ctx.update_slack":
          return updateSlack(args, context, deps.outlet);
        default:
          throw new ChironError("bad_request", `unsupported context request type ${type}`);
      }
    },
  };
}
