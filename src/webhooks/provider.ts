// What one sender of webhooks does: how it signs, how that is verified, how it says hello. One descriptor does both sides, so that what a
// test sends is what the endpoint accepts.

/** A delivery as it came over the wire, or as it will go. */
export interface HookRequest {
  readonly method: string;
  /** As the sender addressed it: some sign the address too. */
  readonly url: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** Why a delivery does not verify. What the sender is told is coarser. */
export type Refusal = "missing" | "malformed" | "mismatch" | "expired" | "future";

export type Verdict =
  | { readonly ok: true }
  | {
      readonly ok: false;
      readonly refusal: Refusal;
      /** For the owner of the webhook; names no secret and no signature. */
      readonly detail: string;
    };

/** What the sender wants to hear before it delivers anything: answered without a run. */
export interface Handshake {
  readonly name: string;
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

export interface Sample {
  readonly name: string;
  /** Beyond those that sign; the content type among them. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** What signing adds to a request. */
export interface Signed {
  readonly headers: Readonly<Record<string, string>>;
  /** Where the signature changes the address: a token in its query. */
  readonly url?: string;
  /** Where the time of signing stands in the body. */
  readonly body?: Buffer;
}

export interface Provider {
  readonly name: string;
  readonly title: string;
  /** Headers in lower case that carry a signature or a secret: never stored. */
  readonly secretHeaders: readonly string[];
  /** The header that names a delivery and stays the same when it is sent again; null: none. */
  readonly deliveryHeader: string | null;
  /** How far the signed time may be from ours, either way, in ms; null: no time is signed. */
  readonly toleranceMs: number | null;
  /** Whether this text can be a secret of this sender at all: null, or what is wrong with it. */
  checkSecret?(secret: string): string | null;
  verify(request: HookRequest, secret: string, nowMs: number): Verdict;
  sign(request: HookRequest, secret: string, nowMs: number): Signed;
  /** Called with a delivery that verified. */
  handshake?(request: HookRequest, secret: string): Handshake | null;
  readonly samples: readonly Sample[];
}

export const VERIFIED: Verdict = { ok: true };

export function refuse(refusal: Refusal, detail: string): Verdict {
  return { ok: false, refusal, detail };
}
