// What the page looks at, as far as it is known yet.
import { computed, signal } from "@preact/signals";
import type { Session } from "../data/api.ts";

export const session = signal<Session | null>(null);

/** Tasks by state, all queues together. */
export const countsByState = computed(() => {
  const counts: Record<string, number> = {};
  for (const { status, count } of session.value?.counts ?? []) counts[status] = (counts[status] ?? 0) + count;
  return counts;
});
