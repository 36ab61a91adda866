// In which queue an id was seen, so that a read need not ask all of them. An id never changes its queue; one that was deleted is not
// found there either. Bounded: what was forgotten is looked up.

export interface Place {
  readonly queue: string;
  /** Of a task; else of one of its runs. */
  readonly isTask: boolean;
}

const MOST = 10_000;

export class Places {
  readonly #places = new Map<string, Place>();

  get(id: string): Place | undefined {
    return this.#places.get(id);
  }

  remember(id: string, place: Place): void {
    this.#places.set(id, place);
    if (this.#places.size > MOST) this.#places.delete(this.#places.keys().next().value!);
  }
}
