// Which time it is for the engine, and, where its clock can be moved, the way to the next thing that is due.
import type { ClockReading } from "../data/api.ts";
import { get, post } from "../data/client.ts";
import { useResource } from "../data/resource.ts";
import { ActionDialog, dialog } from "../actions/dialog.tsx";
import { session } from "./session.ts";
import { dateTime, duration } from "./times.ts";

const DUE_MAY_CHANGE = /^(?:clock|run\.(?:sleeping|completed|failed|cancelled)|schedule)/;

export function ClockChip() {
  const { data, reload } = useResource<ClockReading>(
    "clock",
    (signal) => get("/api/clock", signal),
    ({ type }) => DUE_MAY_CHANGE.test(type),
  );
  const clock = data.value;
  if (!clock) return null;
  const moved = clock.mode !== "real";
  const ahead = clock.offset_ms < 0 ? `−${duration(-clock.offset_ms)}` : `+${duration(clock.offset_ms)}`;
  const text = moved ? `◷ virtual ${ahead}${clock.mode === "frozen" ? ", standing" : ""}` : "◷ real time";
  if (!clock.movable || session.value?.read_only !== false) {
    return (
      <span class="badge" title={dateTime(clock.now)}>
        {text}
      </span>
    );
  }
  return (
    <button type="button" class="badge" aria-label="Clock" onClick={() => openClock(clock, reload)}>
      {text}
    </button>
  );
}

function openClock(clock: ClockReading, onChange: () => void): void {
  const move = async (action: string): Promise<void> => {
    await post("/api/clock", JSON.stringify({ action }));
    onChange();
  };
  const due = clock.next_due_at;
  dialog.value = () =>
    due === null ? (
      <ActionDialog
        title="Clock"
        verb="Back to real time"
        command="chiron clock follow"
        disabled={clock.mode === "real"}
        act={() => move("follow")}
      >
        <p>It is {dateTime(clock.now)} for the engine. Nothing waits for a time.</p>
      </ActionDialog>
    ) : (
      <ActionDialog title="Clock" verb="Advance to the next wake" command="chiron clock next" act={() => move("next")}>
        <p>
          It is {dateTime(clock.now)} for the engine. Next something is due at {dateTime(due)}.
        </p>
        {clock.mode !== "real" && <p class="faint">Back to real time: chiron clock follow</p>}
      </ActionDialog>
    );
}
