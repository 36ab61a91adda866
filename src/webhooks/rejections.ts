// The newest deliveries that did not verify, in memory only: bytes that did not verify cause nothing in the store, and a flood of them
// costs nothing there. They are here so that their owner can be told why.
import type { Check } from "./judge.ts";
import type { HookRequest } from "./provider.ts";

const KEPT_PER_SLUG = 50;
const KEPT_SLUGS = 200;
/** Of a rejected body. */
export const KEPT_BYTES = 16_384;

export interface Rejection {
  readonly id: string;
  readonly slug: string;
  readonly receivedAt: number;
  readonly method: string;
  /** Path and query, secrets redacted. */
  readonly url: string;
  /** Redacted. */
  readonly headers: Readonly<Record<string, string>>;
  readonly bodySize: number;
  /** The beginning of a long one. */
  readonly body: Buffer;
  readonly sourceIp: string | null;
  readonly status: number;
  readonly message: string;
  readonly checks: readonly Check[];
  /** With the signature that did not fit: for explaining it, never shown. Null when the body is too long to be kept whole. */
  readonly signed: Omit<HookRequest, "body"> | null;
  /** In the senders' time. */
  readonly worldMs: number;
}

export class Rejections {
  readonly #bySlug = new Map<string, Rejection[]>();

  add(rejection: Rejection): void {
    const kept = this.#bySlug.get(rejection.slug) ?? [];
    // A copy: the slice would keep the whole body alive.
    kept.push({ ...rejection, body: Buffer.from(rejection.body.subarray(0, KEPT_BYTES)) });
    if (kept.length > KEPT_PER_SLUG) kept.shift();
    this.#bySlug.delete(rejection.slug);
    this.#bySlug.set(rejection.slug, kept);
    const [oldest] = this.#bySlug.keys();
    if (this.#bySlug.size > KEPT_SLUGS) this.#bySlug.delete(oldest!);
  }

  /** Newest first. */
  list(slug?: string): Rejection[] {
    const all = slug === undefined ? [...this.#bySlug.values()].flat() : (this.#bySlug.get(slug) ?? []);
    return all.toSorted((a, b) => (a.id < b.id ? 1 : -1));
  }

  get(id: string): Rejection | null {
    return this.list().find((one) => one.id === id) ?? null;
  }
}
