// The store's deliveries: webhook requests that verified, with the bytes they came with, and what became of them. A ring: bounded by prune.
// What makes two deliveries one (the start key, and the hash of the bytes it came with first) outlives both the ring and the task.
import type { TaskId } from "../core/ids.ts";
import type { JsonText } from "../core/json-text.ts";
import type { Enqueued, NewTask } from "./store-types.ts";

/** What became of a delivery. Only what verified is here: bytes that did not cause nothing (invariant 23). */
export const DELIVERY_OUTCOMES = ["accepted", "filtered", "handshake"] as const;
export type DeliveryOutcome = (typeof DELIVERY_OUTCOMES)[number];

/** A request as it came, without its secrets. */
export interface ReceivedDelivery {
  /** A UUID of version 7: ids are the order of the ring. */
  readonly id: string;
  readonly slug: string;
  readonly workflowName: string;
  readonly receivedAt: number;
  readonly method: string;
  /** Path and query, secrets redacted. */
  readonly url: string;
  /** A JSON object, names in lower case, secrets redacted. */
  readonly headers: JsonText;
  readonly bodySha256: string;
  readonly bodySize: number;
  readonly sourceIp: string | null;
  readonly outcome: DeliveryOutcome;
  /** A JSON array of the checks it passed through (src/webhooks/judge.ts). */
  readonly checks: JsonText;
  /** The start key of its run; null unless accepted. */
  readonly key: string | null;
}

export interface NewDelivery extends ReceivedDelivery {
  readonly body: Buffer;
  /** Exactly when accepted; its idempotency key is `key`. */
  readonly task: NewTask | null;
}

export interface Delivery extends ReceivedDelivery {
  readonly taskId: TaskId | null;
  /** False: an earlier delivery had started the task. */
  readonly created: boolean;
  /** False: the first delivery with this key had other bytes. */
  readonly sameBody: boolean;
}

export interface Recorded {
  /** Null unless the delivery was accepted. */
  readonly enqueued: Enqueued | null;
  readonly sameBody: boolean;
}

export interface DeliveryFilter {
  readonly limit: number;
  /** Only deliveries older than this one. */
  readonly before?: string;
  readonly slug?: string;
  readonly outcome?: DeliveryOutcome;
  readonly taskId?: TaskId;
}

export interface DeliveryStore {
  /** A delivery and the task it starts, in one transaction. */
  record(deliveries: readonly NewDelivery[]): Promise<Recorded[]>;
  get(id: string): Promise<Delivery | null>;
  /** The bytes as they came; null when the delivery is gone. */
  body(id: string): Promise<Buffer | null>;
  /** Newest first. */
  list(filter: DeliveryFilter): Promise<Delivery[]>;
  /** Deletes the oldest beyond `keep` and those received before `beforeMs`; at most `limit`. Answers how many. */
  prune(bounds: { readonly beforeMs: number; readonly keep: number; readonly limit: number }): Promise<number>;
}
