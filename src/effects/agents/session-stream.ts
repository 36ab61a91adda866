// Follows one execution of the session API to its end through every break of the connection (reference behaviour, section 8.6).
import { ChironError, messageOf } from "../../core/errors.ts";
import type { Clock } from "../../ports/clock.ts";
import { isPassing, request, type PatientRequest } from "./patient-request.ts";
import { readEvents } from "./server-sent-events.ts";
import type { SessionEnd, SessionEvents } from "./session-events.ts";

export interface FollowOptions {
  /** The events of the thread, without its query. */
  readonly request: Omit<PatientRequest, "signal">;
  readonly executionId: string;
  /** A connection on which nothing at all comes for so long is taken for broken. */
  readonly silenceMs: number;
  readonly maxEventBytes: number;
  readonly signal: AbortSignal;
}

/** A service that tells nothing new for so long, connection after connection, is given up. The run's next attempt follows again. */
const PATIENCE_MS = 120_000;
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 10_000;
/** After the end: lines that the end has overtaken may still come. */
const SETTLE_MS = 150;

/** Resolves with the execution's end. Throws ChironError; the signal's reason when it aborts. */
export async function followExecution(
  events: SessionEvents,
  options: FollowOptions,
  clock: Clock,
): Promise<SessionEnd> {
  let progressAt = clock.monotonic();
  let pause = FIRST_PAUSE_MS;
  for (;;) {
    const broken = await followOnce(events, options, clock, () => {
      progressAt = clock.monotonic();
      pause = FIRST_PAUSE_MS;
    });
    if (events.end) return events.end;
    options.signal.throwIfAborted();
    if (clock.monotonic() - progressAt > PATIENCE_MS) throw givenUp(options, broken, events.complaint);
    await clock.sleep(pause, options.signal);
    pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
  }
}

/** One connection. Answers why it ended before the execution did; null: the service closed it. Throws what no new connection would mend. */
async function followOnce(
  events: SessionEvents,
  { request: asked, executionId, silenceMs, maxEventBytes, signal }: FollowOptions,
  clock: Clock,
  progress: () => void,
): Promise<string | null> {
  const connection = new AbortController();
  const silence = startSilence(clock, silenceMs, connection);
  const after = events.resumeAfter();
  const query = new URLSearchParams({
    execution_id: executionId,
    ...(after === null ? {} : { after_event_id: after }),
  });
  try {
    const response = await request(
      {
        ...asked,
        url: `${asked.url}?${query.toString()}`,
        headers: {
          ...asked.headers,
          accept: "text/event-stream",
          ...(after === null ? {} : { "last-event-id": after }),
        },
        signal: AbortSignal.any([signal, connection.signal]),
        // A service may begin its answer with the first event.
        answerMs: null,
      },
      clock,
    );
    if (!response.body) return "an empty answer";
    for await (const event of readEvents(response.body, { limitBytes: maxEventBytes, heard: silence.heard })) {
      if (events.take(event)) progress();
      if (event.event === "session.stream_error") return event.data;
      if (events.end) silence.settle();
    }
    return null;
  } catch (error) {
    if (events.end) return null;
    if (error instanceof ChironError && !connection.signal.aborted && !isPassing(error)) throw error;
    return messageOf(connection.signal.aborted ? connection.signal.reason : error);
  } finally {
    silence.stop();
    connection.abort();
  }
}

/** Ends a connection that says nothing for too long, and one whose execution is over. */
function startSilence(clock: Clock, silenceMs: number, connection: AbortController) {
  const stopped = new AbortController();
  let heardAt = clock.monotonic();
  const watch = async (): Promise<void> => {
    while (!stopped.signal.aborted) {
      const left = heardAt + silenceMs - clock.monotonic();
      if (left <= 0) return connection.abort(new Error(`nothing came for ${silenceMs} ms`));
      await clock.sleep(left, stopped.signal);
    }
  };
  void watch();
  let settling = false;
  return {
    heard: (): void => {
      heardAt = clock.monotonic();
    },
    settle: (): void => {
      if (settling) return;
      settling = true;
      void clock.sleep(SETTLE_MS, stopped.signal).then(() => connection.abort(new Error("the execution has ended")));
    },
    stop: (): void => stopped.abort(),
  };
}

function givenUp(
  { request: asked, executionId }: FollowOptions,
  broken: string | null,
  complaint: string | null,
): ChironError {
  const why = [broken ?? "the stream ended before the execution", complaint && `session.stream_error: ${complaint}`];
  return new ChironError(
    "unavailable",
    `${asked.what}, execution ${executionId}: nothing new for ${PATIENCE_MS / 1_000} s: ${why.filter(Boolean).join("; ")}`,
    { hint: "The execution may still run: the next attempt of this run follows it again.", details: { executionId } },
  );
}
