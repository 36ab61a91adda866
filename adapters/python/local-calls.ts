// Calls that a host process is asked to perform with a local tool, until each is answered or the process or its run is gone.
import { ChironError } from "../../src/core/errors.ts";
import { NULL_JSON, type JsonText } from "../../src/core/json-text.ts";
import type { TooledFrame } from "./frames.ts";

export class LocalCalls {
  readonly #open = new Map<number, PromiseWithResolvers<JsonText>>();

  /** Waits for the answer to call `q`, which `send` asks for. */
  ask(q: number, send: () => void): Promise<JsonText> {
    const waiting = Promise.withResolvers<JsonText>();
    // Who asked may have stopped listening when the run ends.
    waiting.promise.catch(() => undefined);
    this.#open.set(q, waiting);
    send();
    return waiting.promise;
  }

  answered({ q, ok, error }: TooledFrame, value: JsonText | undefined): void {
    const waiting = this.#open.get(q);
    this.#open.delete(q);
    if (ok) waiting?.resolve(value ?? NULL_JSON);
    else waiting?.reject(new ChironError("upstream", error));
  }

  /** Nothing more will be answered. */
  end(reason: string): void {
    for (const waiting of this.#open.values()) waiting.reject(new ChironError("unavailable", reason));
    this.#open.clear();
  }
}
