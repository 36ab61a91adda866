// What has happened since the page was opened, kept whichever view is shown, and bounded: the newest stay. Listeners hear of bursts once
// a frame.
import { signal } from "@preact/signals";
import { follow, type LiveEvent } from "../data/live.ts";

const MOST = 20_000;

let kept: LiveEvent[] = [];
let announced = false;

/** Newest first is the view's matter; this rises with each change. */
export const recentVersion = signal(0);

export const recentEvents = (): readonly LiveEvent[] => kept;

export function clearRecent(): void {
  kept = [];
  recentVersion.value += 1;
}

/** Begins to keep; called once. */
export function keepRecent(): void {
  follow((event) => {
    kept.push(event);
    if (kept.length > MOST * 1.2) kept = kept.slice(-MOST);
    if (announced) return;
    announced = true;
    requestAnimationFrame(() => {
      announced = false;
      recentVersion.value += 1;
    });
  });
}
