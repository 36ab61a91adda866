// One test of the contract: it gets a fresh store, or opens as many as it wants.
import type { Given } from "./given.ts";

export type Case = (title: string, body: (given: Given) => Promise<void>) => void;
export type WithStore = (body: (given: Given) => Promise<void>) => Promise<void>;
