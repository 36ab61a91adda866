// The clock of the store's tests: stands at an ordinary moment until a test moves it.
import { VirtualClock } from "../../adapters/node/virtual-clock.ts";

/** 2023-11-14T22:13:20Z. */
const START_MS = 1_700_000_000_000;

export class ManualClock extends VirtualClock {
  constructor() {
    super(START_MS);
  }
}
