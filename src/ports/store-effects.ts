// The store's outbox: what runs reached outside, each call with what was sent and what came back. A record of what happened, not a queue:
// nothing is delivered from it. Bounded by prune; an end that comes after its record is gone changes nothing.
import type { RunId, TaskId } from "../core/ids.ts";
import type { JsonText } from "../core/json-text.ts";
import type { EffectNature } from "./effects.ts";

export const EFFECT_KINDS = ["agent", "tool", "slack", "http", "other"] as const;
export type EffectKind = (typeof EFFECT_KINDS)[number];

/** started: no end is recorded; the call is under way, or its process ended first. */
export const EFFECT_STATES = ["started", "done", "failed"] as const;
export type EffectState = (typeof EFFECT_STATES)[number];

/** A call that is about to be made. */
export interface NewEffect {
  /** A UUID of version 7: ids are the order of the outbox. */
  readonly id: string;
  readonly taskId: TaskId;
  readonly runId: RunId;
  readonly workflowName: string;
  readonly kind: EffectKind;
  /** The wire name, e.g. `ctx.post_to_slack`. */
  readonly callType: string;
  /** Whom it is for, for a person: a channel, `tool.method`, a harness. */
  readonly target: string | null;
  /** Tells calls of one kind in a task apart, equal on every replay (decision D9). */
  readonly ordinal: string;
  /** The idempotency key that goes out with the call; equal for every attempt at it. */
  readonly key: string | null;
  readonly nature: EffectNature;
  /** Who answers it: `slack.com`, `outbox`, a backend. */
  readonly by: string;
  readonly startedAt: number;
  /** Null where only the fact of the call is kept. */
  readonly request: JsonText | null;
}

/** How a call ended. */
export interface EffectEnd {
  readonly id: string;
  readonly state: Exclude<EffectState, "started">;
  readonly finishedAt: number;
  readonly answer: JsonText | null;
  readonly error: string | null;
  /** What a long call said before its answer, as a JSON array of lines. */
  readonly progress: JsonText | null;
}

export interface Effect extends NewEffect {
  readonly state: EffectState;
  readonly finishedAt: number | null;
  readonly answer: JsonText | null;
  readonly error: string | null;
  readonly progress: JsonText | null;
}

export interface EffectFilter {
  readonly limit: number;
  /** Only effects older than this one. */
  readonly before?: string;
  readonly taskId?: TaskId;
  readonly runId?: RunId;
  readonly kind?: EffectKind;
  readonly nature?: EffectNature;
  readonly state?: EffectState;
}

/** Longest value that a list carries, in characters; of a longer one it says how long it is (core/effect-values.ts), and get has it. */
export const LISTED_VALUE = 8_192;

export interface EffectStore {
  /**
   * Records calls before they are made. An earlier attempt at the same call (task, call type, ordinal) that has no end is ended as failed:
   * whoever made it is gone. Should its end still come, that one stands.
   */
  begin(effects: readonly NewEffect[]): Promise<void>;
  /** Keeps what calls that go on have said so far. */
  note(notes: readonly { readonly id: string; readonly progress: JsonText }[]): Promise<void>;
  finish(ends: readonly EffectEnd[]): Promise<void>;
  /** Ends as failed everything without an end: whoever made these calls is gone. For the one process that owns the store, at its start. Answers how many. */
  abandon(nowMs: number): Promise<number>;
  get(id: string): Promise<Effect | null>;
  /** Newest first, without progress and without values longer than LISTED_VALUE. */
  list(filter: EffectFilter): Promise<Effect[]>;
  /** Deletes the oldest beyond `keep`, and those that began before `beforeMs`; at most `limit`. Answers how many. */
  prune(bounds: { readonly beforeMs: number; readonly keep: number; readonly limit: number }): Promise<number>;
}

/** What a call without an end is ended with. */
export const NO_END_RECORDED = "no answer was recorded: the process that made the call ended first";
