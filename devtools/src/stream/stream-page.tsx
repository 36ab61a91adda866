// One list of everything that happens, newest first, while this page is open: deliveries, fires, runs, events, reloads, effects.
import { useSignal } from "@preact/signals";
import type { LiveEvent } from "../data/live.ts";
import { visible } from "../shell/json-tree.tsx";
import { Chips, chosen, FreeText } from "../shell/filters.tsx";
import { JsonTree } from "../shell/json-tree.tsx";
import { Command, Empty } from "../shell/marks.tsx";
import { query, runPath } from "../shell/router.ts";
import { clockTime } from "../shell/times.ts";
import { VirtualList } from "../shell/virtual-list.tsx";
import { clearRecent, recentEvents, recentVersion } from "./recent.ts";

/** A chip for each kind; what has none is `other`. */
const KINDS: Readonly<Record<string, readonly string[]>> = {
  runs: ["task", "run", "workflow"],
  steps: ["run.step"],
  logs: ["run.log", "host.log"],
  deliveries: ["delivery"],
  fires: ["schedule"],
  events: ["event"],
  reloads: ["catalog", "code"],
  effects: ["effect", "slack"],
  other: [],
};

export function StreamPage() {
  const selected = useSignal<LiveEvent | null>(null);
  // Read so that the view follows it.
  void recentVersion.value;
  const all = recentEvents();
  const counts: Record<string, number> = {};
  for (const event of all) counts[kindOf(event)] = (counts[kindOf(event)] ?? 0) + 1;
  const kinds = chosen("kind");
  const words = (query.value.get("q") ?? "").toLowerCase();
  const shown = all.filter((event) => fits(event, kinds, words)).reverse();
  return (
    <section class="runs">
      <div class="filters">
        <Chips name="kind" words={Object.keys(KINDS)} counts={counts} />
        <FreeText label="Find in events" />
        <button type="button" onClick={clearRecent} disabled={all.length === 0}>
          Clear
        </button>
        <span class="faint" role="status">
          {shown.length.toLocaleString("en")} shown
        </span>
      </div>
      {shown.length === 0 ? (
        <Empty title="Nothing has happened since this page was opened">
          <p>Everything that happens from now on appears here, for example:</p>
          <Command text="chiron run hello" />
          <Command text="chiron events emit --type order.confirmed --id 42" />
        </Empty>
      ) : (
        <VirtualList
          count={shown.length}
          rowHeight={26}
          label="Events"
          selected={selected.value ? shown.indexOf(selected.value) : -1}
          onSelect={(index) => (selected.value = shown[index]!)}
          row={(index) => <EventRow event={shown[index]!} />}
        />
      )}
      {selected.value && (
        <aside class="detail" aria-label="Event">
          <JsonTree key={selected.value.seq} value={selected.value.data} open />
        </aside>
      )}
    </section>
  );
}

function kindOf({ type }: LiveEvent): string {
  const prefix = type.split(".")[0]!;
  const exact = Object.entries(KINDS).find(([, types]) => types.includes(type));
  return (exact ?? Object.entries(KINDS).find(([, types]) => types.includes(prefix)))?.[0] ?? "other";
}

function fits(event: LiveEvent, kinds: readonly string[], words: string): boolean {
  if (kinds.length > 0 && !kinds.includes(kindOf(event))) return false;
  return words === "" || `${event.type} ${JSON.stringify(event.data)}`.toLowerCase().includes(words);
}

function EventRow({ event }: { readonly event: LiveEvent }) {
  const { task_id: taskId, type: _type, ...rest } = event.data;
  return (
    <span class="event">
      <time class="faint">{clockTime(event.at)}</time>
      <b class={/fail|problem|error|lost/.test(event.type) ? "bad" : ""}>{event.type}</b>
      <span class="preview">{summary(rest)}</span>
      {typeof taskId === "string" && <a href={runPath(taskId)}>{taskId.slice(-12)}</a>}
    </span>
  );
}

const HIDDEN = /^(?:run_id|generation|queue|effect_id)$/;

/** The fields that tell most, on one line. */
function summary(data: Readonly<Record<string, unknown>>): string {
  const parts = Object.entries(data).filter(([name, value]) => !HIDDEN.test(name) && value !== null && value !== "");
  return visible(parts.map(([name, value]) => `${name}=${typeof value === "string" ? value : JSON.stringify(value)}`).join("  ").slice(0, 400)); // prettier-ignore
}
