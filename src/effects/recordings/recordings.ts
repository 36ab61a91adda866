// Real answers, recorded once and given again. Wraps the handler of any kind of effect. What leaves nothing (a stand-in, a stub) is not
// recorded; failures are not recorded either, so that a bad moment is not played for ever. Secrets are masked before anything is kept.
import { ChironError } from "../../core/errors.ts";
import type { JsonText } from "../../core/json-text.ts";
import type { Mask } from "../../core/redaction.ts";
import type { Clock } from "../../ports/clock.ts";
import type { EffectContext, EffectHandler } from "../../ports/effects.ts";
import { recordedRequest, type RecordedRequest } from "./request.ts";
import { Tape, type Recorded } from "./tape.ts";

/** once: play what is recorded, record the rest. all: record everything anew. none: play, and make no real call. */
export type RecordingMode = "once" | "all" | "none";

export interface RecordingDeps {
  /** Absolute. */
  readonly file: string;
  /** What `--record` takes for this recording. */
  readonly path: string;
  readonly mode: RecordingMode;
  readonly clock: Clock;
  readonly mask: Mask;
}

/** Puts recordings around a handler. */
export type WithRecordings = (handler: EffectHandler) => EffectHandler;

/** Tasks whose calls are counted; the oldest is forgotten first. */
const MAX_TASKS = 10_000;

/** One tape for all handlers. Throws ChironError config_invalid when the file cannot be used. */
export function openRecordings(deps: RecordingDeps): WithRecordings {
  const recordings = new Recordings(deps);
  return (handler) => ({
    types: handler.types,
    describe(type, args, context) {
      const place = recordings.place(type, args, context);
      const answerer = handler.describe(type, args, context);
      const isPlayed = recordings.play(place) !== null || (deps.mode === "none" && answerer.nature === "real");
      return isPlayed ? { nature: "recorded", by: deps.file } : answerer;
    },
    async call(type, args, context, progress) {
      const place = recordings.place(type, args, context);
      const played = recordings.play(place);
      if (played) {
        for (const line of played.progress) progress(line);
        return played.answer;
      }
      const { nature, by } = handler.describe(type, args, context);
      if (nature !== "real") return handler.call(type, args, context, progress);
      if (deps.mode === "none") throw recordings.missing(place);
      const said: string[] = [];
      const answer = await handler.call(type, args, context, (line) => {
        said.push(line);
        progress(line);
      });
      recordings.keep({ place, type, by, context, answer, progress: said });
      return answer;
    },
  });
}

interface Place {
  readonly request: RecordedRequest;
  readonly n: number;
}

interface Kept {
  readonly place: Place;
  readonly type: string;
  readonly by: string;
  readonly context: EffectContext;
  readonly answer: JsonText;
  readonly progress: readonly string[];
}

class Recordings {
  readonly #deps: RecordingDeps;
  readonly #tape: Tape;
  /** Ordinals of the equal calls of each task, in the order in which they came. */
  readonly #tasks = new Map<string, Map<string, string[]>>();

  constructor(deps: RecordingDeps) {
    this.#deps = deps;
    this.#tape = new Tape(deps.file);
  }

  /** The same for every attempt at a call: a retry of the run plays what its first attempt heard. */
  place(type: string, args: JsonText, context: EffectContext): Place {
    const request = recordedRequest(type, args, context, this.#deps.mask);
    const { taskId, ordinal } = context;
    let keys = this.#tasks.get(taskId);
    if (!keys) {
      keys = new Map();
      this.#tasks.set(taskId, keys);
      if (this.#tasks.size > MAX_TASKS) this.#tasks.delete(this.#tasks.keys().next().value!);
    }
    const ordinals = keys.get(request.key) ?? this.#tape.ordinalsOf(request.key, taskId);
    keys.set(request.key, ordinals);
    const known = ordinals.indexOf(ordinal);
    return { request, n: known >= 0 ? known + 1 : ordinals.push(ordinal) };
  }

  play({ request, n }: Place): Recorded | null {
    return this.#deps.mode === "all" ? null : this.#tape.find(request.key, n);
  }

  keep({ place, type, by, context, answer, progress }: Kept): void {
    const { mask, clock } = this.#deps;
    const { request, n } = place;
    this.#tape.add({
      key: request.key,
      n,
      type,
      what: request.what,
      by: mask(by),
      workflowName: context.workflowName,
      taskId: context.taskId,
      ordinal: context.ordinal,
      at: new Date(clock.now()).toISOString(),
      request: request.text,
      answer: mask(answer) as JsonText,
      progress: progress.map(mask),
    });
  }

  missing({ request, n }: Place): ChironError {
    const others = this.#tape.countOf(request.what);
    const near = others > 0 ? `; ${others} of its calls are, with other arguments or fewer times` : "";
    const shown = request.text.length > 300 ? `${request.text.slice(0, 300)}…` : request.text;
    return new ChironError("not_found", `${request.what} with ${shown} is not recorded (call ${n})${near}`, {
      hint: `Record it with: chiron dev --record ${this.#deps.path}`,
    });
  }
}
