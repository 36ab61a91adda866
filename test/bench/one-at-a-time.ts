// Starts single runs and follows each to its end. A run that fails ends the measurement with an error, never with a silence.
import { Connection, createRun, EventCounter } from "./client.ts";
import type { Server } from "./server.ts";

export interface Ended {
  readonly runId: string;
  /** performance.now() before the POST was written. */
  readonly startedAt: number;
  /** The handler's value, read with a GET once the run had completed. */
  readonly output: unknown;
  /** performance.now() when the event stream said completed, and when the GET was answered. */
  readonly completedAt: number;
  readonly readAt: number;
}

export class OneAtATime {
  readonly #port: number;
  readonly #connection: Connection;
  #events: EventCounter | null = null;
  #ending: PromiseWithResolvers<number> | null = null;

  private constructor(port: number, connection: Connection) {
    this.#port = port;
    this.#connection = connection;
  }

  static async open({ port }: Server): Promise<OneAtATime> {
    const one = new OneAtATime(port, await Connection.open(port));
    one.#events = await EventCounter.open(port, {
      "run.completed": () => one.#ending?.resolve(performance.now()),
      "run.failed": () => one.#ending?.reject(new Error("the run failed; see events.log in the server's folder")),
    });
    one.#events.lost = (error) => one.#ending?.reject(error);
    return one;
  }

  async run(workflow: string, input: object = {}): Promise<Ended> {
    const request = createRun(this.#port, workflow, input);
    const ending = Promise.withResolvers<number>();
    this.#ending = ending;
    const startedAt = performance.now();
    const [created, completedAt] = await Promise.all([this.#post(request), ending.promise]);
    const { run_id: runId } = JSON.parse(created) as { run_id: string };
    const { body } = await this.#connection.request("GET", `/api/workflows/runs/${runId}`);
    const readAt = performance.now();
    const { run } = JSON.parse(body) as { run: { result: { output: unknown } } };
    return { runId, startedAt, output: run.result.output, completedAt, readAt };
  }

  close(): void {
    this.#events?.close();
    this.#connection.close();
  }

  #post(request: Buffer): Promise<string> {
    return new Promise((resolve, reject) => {
      const done = ({ status, body }: { status: number; body: string }): void => {
        if (status < 300) resolve(body);
        else reject(new Error(`POST answered ${status}: ${body}`));
      };
      this.#connection.send(request, done, reject);
    });
  }
}
