// Whether a process's event loop moves: its answers to pings, and what its watchdog thread says. One ping a second while there are runs.

const PING_EVERY_MS = 1_000;
/** An answer that takes longer than this says that runs wait for one another. */
export const SLOW_MS = 100;
/** A loop that has said something this recently moves. */
const FRESH_MS = 50;

export class Pulse {
  readonly #ping: (at: number) => void;
  #timer: NodeJS.Timeout | undefined;
  #askedAt: number | null = null;
  #lastMs = 0;
  #heardAt = 0;
  #stalledSince: number | null = null;
  #where = "";
  #idleSince = performance.now();
  /** Runs that sleep but whose coroutines the process still holds. */
  frozen = 0;

  constructor(ping: (at: number) => void) {
    this.#ping = ping;
  }

  /** There are runs. */
  start(): void {
    if (this.#timer) return;
    this.#askedAt = null;
    this.#timer = setInterval(() => this.#beat(), PING_EVERY_MS);
    this.#timer.unref();
  }

  /** There are none any more. */
  idle(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#idleSince = performance.now();
  }

  /** How long there have been no runs, in ms. */
  get idleMs(): number {
    return this.#timer ? 0 : performance.now() - this.#idleSince;
  }

  /** The loop itself has said something. */
  heard(): void {
    this.#heardAt = performance.now();
  }

  /** Known to move, without asking. */
  get fresh(): boolean {
    return performance.now() - this.#heardAt < FRESH_MS;
  }

  /** Asks now, unless it has been asked. */
  probe(): void {
    this.#beat();
  }

  /** Asked, and the answer is not late yet. */
  get probing(): boolean {
    return this.#askedAt !== null && this.#silentMs() <= SLOW_MS;
  }

  answered(at: number, frozen: number | undefined): void {
    if (this.#askedAt === at) this.#askedAt = null;
    this.#lastMs = performance.now() - at;
    if (frozen !== undefined) this.frozen = frozen;
  }

  stall(ms: number, where: string): void {
    this.#stalledSince = performance.now() - ms;
    this.#where = where;
  }

  unstall(): void {
    this.#stalledSince = null;
    this.#where = "";
  }

  /** The watchdog says that the loop is held. */
  get stalled(): boolean {
    return this.#stalledSince !== null;
  }

  /** Nothing that is sent now is known to be read soon. */
  get held(): boolean {
    return this.stalled || this.#silentMs() > SLOW_MS;
  }

  get stalledMs(): number {
    return this.#stalledSince === null ? 0 : Math.round(performance.now() - this.#stalledSince);
  }

  /** Where the loop was last said to be held; "" when it moves. */
  get where(): string {
    return this.#where;
  }

  /** Runs wait for one another, though the loop may move. */
  get slow(): boolean {
    return this.held || this.#lastMs > SLOW_MS;
  }

  #silentMs(): number {
    return this.#askedAt === null ? 0 : performance.now() - this.#askedAt;
  }

  #beat(): void {
    if (this.#askedAt !== null) return;
    this.#askedAt = performance.now();
    this.#ping(this.#askedAt);
  }
}
