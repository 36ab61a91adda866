// The backend `session`: agents behind the session API (reference behaviour, section 8.6). A turn has the same execution key on every
// replay, and so does its message: after a crash or a restart the same execution is followed, never a second one started.
import { ChironError, messageOf } from "../../core/errors.ts";
import type { Clock } from "../../ports/clock.ts";
import { isStopped, type AgentAnswer, type AgentBackend, type AgentTurn, type TurnWatch } from "./backend.ts";
import { requestObject, type PatientRequest } from "./patient-request.ts";
import { resultTextOf } from "./result-text.ts";
import { SessionEvents, type SessionEnd } from "./session-events.ts";
import { followExecution } from "./session-stream.ts";
import type { SessionSettings } from "./settings.ts";
import { startTimeLimits } from "./time-limits.ts";

/** The service keeps the turn's limits; past them by this much it is taken to have forgotten. */
const OVERTIME_MS = 60_000;
/** A connection is silent only as long as its agent is. */
const SILENCE_MS = 30_000;
const INTERRUPT_MS = 10_000;
/** Executions that have failed under earlier attempts of the run and are stepped over. */
const MAX_EARLIER = 8;

interface Session {
  readonly settings: SessionSettings;
  readonly turn: AgentTurn;
  readonly clock: Clock;
  readonly base: string;
  readonly what: string;
}

/** A backend that asks the session API at `settings.url`. */
export function createSessionAgent(settings: SessionSettings, maxOutputBytes: number, clock: Clock): AgentBackend {
  return {
    nature: "real",
    by: `session ${settings.url ?? "(no address)"}`,
    turn: (turn, watch) => runTurn(settings, maxOutputBytes, clock, turn, watch),
  };
}

async function runTurn(
  settings: SessionSettings,
  maxOutputBytes: number,
  clock: Clock,
  turn: AgentTurn,
  { signal: outer, line }: TurnWatch,
): Promise<AgentAnswer> {
  if (settings.url === undefined) {
    throw new ChironError("unavailable", `agent ${turn.harness} cannot be asked: the session API has no address`, {
      hint: "Set CENTAUR_API_URL, or url of the backend in chiron.toml.",
    });
  }
  const what = `session API, agent ${turn.harness} on thread ${turn.threadKey}`;
  const base = `${settings.url.replace(/\/+$/, "")}/api/session/${encodeURIComponent(turn.threadKey)}`;
  const session: Session = { settings, turn, clock, base, what };
  const limits = startTimeLimits(
    clock,
    { idleTimeoutMs: null, maxDurationMs: turn.maxDurationMs + OVERTIME_MS },
    outer,
    what,
  );
  let executionId: string | null = null;
  let asked = false;
  try {
    await open(session, limits.signal);
    // From here on it may run, whether its number has come back or not.
    asked = turn.ownedThread;
    executionId = await execute(session, limits.signal);
    const events = new SessionEvents(executionId, maxOutputBytes, line);
    const end = await follow(session, executionId, events, maxOutputBytes, limits.signal);
    return answerOf(session, executionId, end, events.lines());
  } catch (error) {
    // Nobody will read it: the agent need not go on. An execution that is only left is followed again under the same key.
    const unwanted = isStopped(outer) || (limits.signal.aborted && !outer.aborted) || isTooLarge(error);
    if (unwanted && (asked || executionId !== null)) await interrupt(session, messageOf(limits.signal.reason ?? error));
    throw error;
  } finally {
    limits.stop();
  }
}

function isTooLarge(error: unknown): boolean {
  return error instanceof ChironError && error.details["fault"] === "output_too_large";
}

/** The thread, and the message in it; both are the same however often they are sent. */
async function open(session: Session, signal: AbortSignal): Promise<void> {
  const { settings, turn, base, clock } = session;
  const about = {
    ...(turn.principal === null ? {} : { principal: turn.principal }),
    ...(turn.model === null ? {} : { model: turn.model }),
    ...(turn.provider === null ? {} : { provider: turn.provider }),
    ...(turn.reasoning === null ? {} : { reasoning: turn.reasoning }),
  };
  const conflict = `The thread belongs to another harness: choose another thread_key, or set on_harness_conflict = "restart" for the backend.`;
  await requestObject(
    {
      ...post(session, base, signal),
      body: {
        harness_type: turn.harness,
        ...(turn.personaId === null ? {} : { persona_id: turn.personaId }),
        metadata: metadata(turn, "session", about),
        ...(settings.onHarnessConflict === undefined ? {} : { on_harness_conflict: settings.onHarnessConflict }),
      },
      hints: { ...hints(settings), 409: conflict },
    },
    clock,
  );
  const message = {
    role: "user",
    content: contentOf(turn),
    client_message_id: turn.messageId,
    metadata: metadata(turn, "message"),
  };
  await requestObject({ ...post(session, `${base}/messages`, signal), body: { messages: [message] } }, clock);
}

/** The execution of this turn: one that runs, or has ended well, under its key. One that failed under the key is over: the next has the key's next number. */
async function execute(session: Session, signal: AbortSignal): Promise<string> {
  const { turn, base, what, clock } = session;
  const line = { type: "user", message: { role: "user", content: contentOf(turn) } };
  for (let number = 1; ; number += 1) {
    const key = number === 1 ? turn.executionKey : `${turn.executionKey}:${number}`;
    const answer = await requestObject(
      {
        ...post(session, `${base}/execute`, signal),
        body: {
          idempotency_key: key,
          metadata: metadata(turn, "execution"),
          input_lines: [JSON.stringify(line)],
          idle_timeout_ms: turn.idleTimeoutMs,
          max_duration_ms: turn.maxDurationMs,
        },
      },
      clock,
    );
    const id = answer["execution_id"];
    if (typeof id !== "string" || id === "") {
      throw new ChironError("upstream", `${what}: the answer to execute names no execution_id`);
    }
    const isOver = /^(failed|cancelled)$/.test(String(answer["status"]));
    if (!isOver || number === MAX_EARLIER) return id;
  }
}

function follow(
  session: Session,
  executionId: string,
  events: SessionEvents,
  maxEventBytes: number,
  signal: AbortSignal,
): Promise<SessionEnd> {
  const { settings, turn, base, what, clock } = session;
  return followExecution(
    events,
    {
      request: { method: "GET", url: `${base}/events`, headers: headersOf(settings), what, hints: hints(settings) },
      executionId,
      silenceMs: turn.idleTimeoutMs + SILENCE_MS,
      maxEventBytes,
      signal,
    },
    clock,
  );
}

function answerOf({ what }: Session, executionId: string, end: SessionEnd, lines: readonly string[]): AgentAnswer {
  if (end.event === "session.execution_completed") {
    const told = end.data["result_text"];
    return { executionId, outputLines: lines, resultText: typeof told === "string" ? told : resultTextOf(lines) };
  }
  const how = end.event === "session.execution_failed" ? "failed" : "was cancelled";
  const reasons = [end.data["error"], end.data["message"], end.data["reason"]];
  const reason = reasons.find((one): one is string => typeof one === "string" && one !== "") ?? end.text;
  throw new ChironError("upstream", `${what}: execution ${executionId} ${how} (${end.event}): ${reason}`, {
    details: { fault: "failed", executionId, event: end.event },
  });
}

/** Best effort, with a time of its own: the turn is over for us either way. */
async function interrupt(session: Session, reason: string): Promise<void> {
  const { base, clock } = session;
  const body = { reason: `workflow: ${reason}` };
  const signal = AbortSignal.timeout(INTERRUPT_MS);
  await requestObject({ ...post(session, `${base}/interrupt`, signal), body }, clock).catch(() => undefined);
}

function contentOf({ content, prompt }: AgentTurn): readonly unknown[] {
  return content ?? [{ type: "text", text: prompt }];
}

function metadata(turn: AgentTurn, phase: "session" | "message" | "execution", more: object = {}): object {
  return { ...turn.metadata, ...more, workflow_context_phase: phase };
}

function post({ settings, what }: Session, url: string, signal: AbortSignal): PatientRequest {
  return { method: "POST", url, headers: headersOf(settings), what, signal, hints: hints(settings) };
}

function headersOf({ key }: SessionSettings): Record<string, string> {
  return key === undefined ? {} : { authorization: `Bearer ${key}` };
}

function hints({ keyVariable, key }: SessionSettings): Record<number, string> {
  const hint = key === undefined ? `Set ${keyVariable}.` : `Is the key in ${keyVariable} right, and may it do this?`;
  return { 401: hint, 403: hint };
}
