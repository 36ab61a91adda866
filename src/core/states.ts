// The states of tasks and runs, and which change is allowed. The same six words in both databases, in the API
// (the create call's "queued" is a wire word of src/http/wire.ts) and everywhere else.

export const STATES = ["pending", "running", "sleeping", "completed", "failed", "cancelled"] as const;
export type State = (typeof STATES)[number];

/** States that never change again. */
export const TERMINAL_STATES = ["completed", "failed", "cancelled"] as const satisfies readonly State[];

const RUN_TRANSITIONS: Record<State, readonly State[]> = {
  pending: ["running", "cancelled"],
  // running -> pending is a release: a graceful stop or a reload gives the run back without costing an attempt.
  running: ["pending", "sleeping", "completed", "failed", "cancelled"],
  sleeping: ["pending", "running", "cancelled"],
  completed: [],
  failed: [],
  cancelled: [],
};

export function isTerminal(state: State): boolean {
  return RUN_TRANSITIONS[state].length === 0;
}

/** Whether one run may go from `from` to `to`. A task mirrors its newest run, so a retry is a new run, not a change of the old one. */
export function mayBecome(from: State, to: State): boolean {
  return RUN_TRANSITIONS[from].includes(to);
}

export function isState(word: string): word is State {
  return (STATES as readonly string[]).includes(word);
}
