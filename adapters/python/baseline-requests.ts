// What a baseline host asks for, told in the session's words. Requests are served strictly one after the other, as the reference does; step
// names are counted here, because a baseline host leaves that to its engine.
import { NULL_JSON, parseJson, sliceMembers, toJsonText, type JsonText } from "../../src/core/json-text.ts";
import { pythonEventName } from "../../src/core/keys.ts";
import type { RunSession } from "../../src/ports/host.ts";
import type { Recorded, WaitRequest } from "../../src/ports/store-types.ts";

/** value: answered. error: refused. stop: the attempt's process is to be ended without an answer. fatal: the attempt fails. */
export type Reply =
  | { readonly kind: "value"; readonly value: JsonText }
  | { readonly kind: "error"; readonly error: string }
  | { readonly kind: "stop" }
  | { readonly kind: "fatal"; readonly message: string };

type Members = ReadonlyMap<string, JsonText>;

const SLEPT: Reply = { kind: "value", value: toJsonText({ slept: true }) };
const STOP: Reply = { kind: "stop" };

/** Calls that share a count (decision D9). */
const ORDINAL_KINDS: Readonly<Record<string, string>> = {
  "ctx.agent_turn": "agent",
  "ctx.run_agents": "agent",
  "ctx.post_to_slack": "slack",
  "ctx.update_slack": "slack",
  "ctx.workflow.start": "start",
  "ctx.call_tool": "tool",
};

/** Counts per kind of call. */
class Ordinals {
  readonly #counts = new Map<string, number>();

  next(type: string): number {
    const kind = ORDINAL_KINDS[type] ?? type;
    const count = (this.#counts.get(kind) ?? 0) + 1;
    this.#counts.set(kind, count);
    return count;
  }
}

export class BaselineRequests {
  readonly #session: RunSession;
  readonly #recorded: Map<string, Recorded>;
  readonly #uses = new Map<string, number>();
  readonly #ordinals = new Ordinals();
  /** Steps whose body runs, in the order of their beginning. */
  readonly #bodies = new Map<string, { readonly since: number; readonly ordinals: Ordinals }>();

  constructor(recorded: readonly Recorded[], session: RunSession) {
    this.#session = session;
    this.#recorded = new Map(recorded.map((one) => [one.name, one]));
  }

  /** Serves one request. */
  async serve(type: string, line: string): Promise<Reply> {
    const members = sliceMembers(line);
    switch (type) {
      case "ctx.step.get":
        return this.#get(members);
      case "ctx.step.put":
        return this.#put(members);
      case "ctx.sleep": {
        const seconds = numberOf(members, "duration_seconds");
        if (seconds === null) return { kind: "error", error: "ctx.sleep needs a number of duration_seconds" };
        return this.#wait(members, { kind: "sleep", target: null, delayMs: Math.max(0, seconds * 1_000) });
      }
      case "ctx.sleep_until": {
        const untilMs = Date.parse(textOf(members, "wake_at") ?? "");
        if (Number.isNaN(untilMs)) return { kind: "error", error: "ctx.sleep_until needs an RFC 3339 wake_at" };
        return this.#wait(members, { kind: "sleep", target: null, delayMs: null, untilMs });
      }
      case "ctx.event.wait":
        return this.#event(members);
      default:
        return this.#call(type, members);
    }
  }

  /** A message that wants no answer; false when it is none of those. */
  notify(type: string, line: string): boolean {
    if (type !== "ctx.log" && type !== "ctx.metric") return false;
    const members = sliceMembers(line);
    if (type === "ctx.log") {
      const message = textOf(members, "message") ?? "";
      this.#session.log({ level: "info", source: "log", message, fields: members.get("fields") ?? null });
      return true;
    }
    const kind = textOf(members, "kind");
    const value = numberOf(members, "value");
    if ((kind === "counter" || kind === "gauge" || kind === "histogram") && value !== null) {
      const labels = members.get("labels") ?? toJsonText({});
      this.#session.metric({ kind, name: textOf(members, "name") ?? "", value, labels });
    }
    return true;
  }

  #checkpoint(members: Members): string {
    const name = textOf(members, "step") ?? "";
    const use = (this.#uses.get(name) ?? 0) + 1;
    this.#uses.set(name, use);
    return use === 1 ? name : `${name}#${use}`;
  }

  #get(members: Members): Reply {
    const name = this.#checkpoint(members);
    const known = this.#recorded.get(name);
    if (!known) this.#bodies.set(name, { since: performance.now(), ordinals: new Ordinals() });
    const value = known ? `,"value":${known.value}` : "";
    const text = `{"done":${known !== undefined},"checkpoint_name":${JSON.stringify(name)}${value}}`;
    return { kind: "value", value: text as JsonText };
  }

  async #put(members: Members): Promise<Reply> {
    const name = textOf(members, "checkpoint_name");
    if (!name) return { kind: "error", error: "ctx.step.put needs a checkpoint_name" };
    const value = members.get("value") ?? NULL_JSON;
    const body = this.#bodies.get(name);
    this.#bodies.delete(name);
    const durationMs = body ? performance.now() - body.since : 0;
    const answer = await this.#session.step({ name, value, durationMs });
    if (!answer.ok) return STOP;
    const stands = answer.kept ?? { name, kind: "step", value };
    this.#recorded.set(name, stands);
    return { kind: "value", value: stands.value };
  }

  async #event(members: Members): Promise<Reply> {
    const type = textOf(members, "event_type");
    const id = textOf(members, "correlation_id");
    const timeout = numberOf(members, "timeout_seconds");
    if (type === null || id === null || textOf(members, "step") === null) {
      return { kind: "fatal", message: "ctx.event.wait needs the texts step, event_type and correlation_id" };
    }
    const delayMs = timeout === null ? null : Math.max(0, timeout * 1_000);
    return this.#wait(members, { kind: "event", target: pythonEventName(type, id), delayMs });
  }

  async #wait(members: Members, wait: Omit<WaitRequest, "step">): Promise<Reply> {
    const step = this.#checkpoint(members);
    if (!this.#recorded.has(step)) {
      const answer = await this.#session.suspend([{ step, ...wait }]);
      if ("gone" in answer || answer.suspended) return STOP;
      for (const one of answer.resolved) this.#recorded.set(one.name, one);
    }
    const over = this.#recorded.get(step);
    if (!over) return STOP;
    if (wait.kind === "sleep") return SLEPT;
    return over.kind === "timeout"
      ? { kind: "error", error: `timed out waiting for event ${wait.target}` }
      : { kind: "value", value: over.value };
  }

  async #call(type: string, members: Members): Promise<Reply> {
    const fields = [...members].filter(([name]) => name !== "type" && name !== "request_id");
    const whole = `{${fields.map(([name, value]) => `${JSON.stringify(name)}:${value}`).join(",")}}` as JsonText;
    // The reference wraps what an agent is asked; the engine takes it as it is.
    const args = type === "ctx.agent_turn" ? (members.get("args") ?? whole) : whole;
    const [name, body] = [...this.#bodies].at(-1) ?? [];
    const ordinal = body ? `${name}/${body.ordinals.next(type)}` : String(this.#ordinals.next(type));
    const answer = await this.#session.call({ type, ordinal, args });
    return answer.ok ? { kind: "value", value: answer.value } : { kind: "error", error: answer.error };
  }
}

function textOf(members: Members, name: string): string | null {
  const value = parseJson(members.get(name) ?? NULL_JSON);
  return typeof value === "string" ? value : null;
}

function numberOf(members: Members, name: string): number | null {
  const value = parseJson(members.get(name) ?? NULL_JSON);
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}
