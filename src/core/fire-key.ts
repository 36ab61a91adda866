// The start keys of scheduled tasks, in the reference's shape (reference behaviour, section 7.2): a key starts at most one task, for ever.

/** RFC 3339 with the offset written out and no fraction where there is none: 2026-03-01T09:00:00+00:00. */
export function fireTime(atMs: number): string {
  // oxlint-disable-next-line no-restricted-globals -- formats an instant; no clock is read
  return new Date(atMs).toISOString().replace(/(?:\.000)?Z$/, "+00:00");
}

export function fireKey(scheduleId: string, atMs: number): string {
  return `schedule:${scheduleId}:${fireTime(atMs)}`;
}

/** Of a fire that a person asked for: it is no occurrence and must not take one's key. */
export function manualFireKey(scheduleId: string, mark: string): string {
  return `schedule:${scheduleId}:manual:${mark}`;
}
