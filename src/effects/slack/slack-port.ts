// What the Slack calls of a workflow stand on: Slack's Web API by method name, real or stood in for.
import type { EffectContext, EffectNature } from "../../ports/effects.ts";

export type SlackAnswer = Readonly<Record<string, unknown>>;

export interface Slack {
  readonly nature: EffectNature;
  /** Who answers, for the outbox. */
  readonly by: string;
  /** The answer of a method that was accepted (`ok: true`). Throws ChironError upstream with Slack's reason otherwise. */
  call(method: string, body: Readonly<Record<string, unknown>>, context: EffectContext): Promise<SlackAnswer>;
}
