// One colour for each state, the same everywhere.
import type { State } from "../core/states.ts";

const STYLES = {
  pending: "cyan",
  running: "cyan",
  sleeping: "blue",
  completed: "green",
  failed: "red",
  cancelled: "yellow",
} as const satisfies Record<State, string>;

export function stateStyle(state: State): (typeof STYLES)[State] {
  return STYLES[state];
}
