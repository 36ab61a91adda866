// Schedules: when each fires next, here and where it lives, and what became of its last occurrences.
import type { Occurrences, ScheduleDetail, ScheduleList, ScheduleView } from "../data/api.ts";
import { get, post } from "../data/client.ts";
import type { LiveEvent } from "../data/live.ts";
import { useResource } from "../data/resource.ts";
import { ActionDialog, dialog } from "../actions/dialog.tsx";
import { JsonTree, visible } from "../shell/json-tree.tsx";
import { Empty, Fault, quoted } from "../shell/marks.tsx";
import { query, runPath, setQuery } from "../shell/router.ts";
import { session } from "../shell/session.ts";
import { dateTime, dateTimeIn, duration } from "../shell/times.ts";

const CHANGES = ({ type }: LiveEvent): boolean => /^(?:schedule|catalog|clock)\./.test(type);

export function SchedulesPage() {
  const { data, fault, reload } = useResource<ScheduleList>("schedules", (signal) => get("/api/workflows/schedules", signal), CHANGES); // prettier-ignore
  const schedules = data.value?.schedules ?? [];
  const open = query.value.get("schedule");
  return (
    <section>
      <h1>Schedules</h1>
      {fault.value && <Fault fault={fault.value} retry={reload} />}
      {data.value && schedules.length === 0 && (
        <Empty title="No workflow declares a schedule">
          <p>
            A file with{" "}
            <code>SCHEDULE = {'{"schedule_id": "nightly", "cron": "30 2 * * *", "timezone": "Europe/Rome"}'}</code>{" "}
            appears here as soon as it is saved.
          </p>
        </Empty>
      )}
      {schedules.map((one) => (
        <ScheduleRow key={one.schedule_id} schedule={one} open={one.schedule_id === open} onChange={reload} />
      ))}
    </section>
  );
}

interface RowProps {
  readonly schedule: ScheduleView;
  readonly open: boolean;
  readonly onChange: () => void;
}

function ScheduleRow({ schedule, open, onChange }: RowProps) {
  const { schedule_id: id, kind, timezone, next_at: next } = schedule;
  const rule = kind.type === "cron" ? `cron ${kind.cron}` : `every ${duration(kind.interval_seconds * 1_000)}`;
  const state = schedule.paused ? "paused" : schedule.state;
  return (
    <div class="item">
      <button
        type="button"
        class="fold item-head"
        aria-expanded={open}
        onClick={() => setQuery("schedule", open ? "" : id)}
      >
        <strong>{visible(id)}</strong> starts {visible(schedule.workflow_name)} <code>{visible(rule)}</code>{" "}
        {visible(timezone)}
      </button>
      <span class={state === "active" ? "good" : "bad"}>{state}</span>{" "}
      <span class="faint">
        {next === null ? "fires no more" : `next ${dateTime(next)} here, ${dateTimeIn(timezone, next)} there`}
      </span>
      {session.value?.read_only === false && <ScheduleActions schedule={schedule} onChange={onChange} />}
      {open && <Detail id={id} timezone={timezone} />}
    </div>
  );
}

function ScheduleActions({ schedule, onChange }: Omit<RowProps, "open">) {
  const { schedule_id: id, state, paused } = schedule;
  if (state === "undeclared" || state === "removed") return null;
  const ask = (verb: "fire" | "pause" | "resume", title: string, text: string): void => {
    dialog.value = () => (
      <ActionDialog
        title={title}
        verb={title}
        command={`chiron schedules ${verb} ${quoted(id)}`}
        act={async () => {
          await post(`/api/workflows/schedules/${encodeURIComponent(id)}/${verb}`, verb === "fire" ? "{}" : undefined);
          onChange();
        }}
      >
        <p>{text}</p>
      </ActionDialog>
    );
  };
  return (
    <span class="actions">
      <button type="button" onClick={() => ask("fire", "Fire now", "Starts its workflow now, beside its occurrences.")}>
        Fire now…
      </button>
      {paused ? (
        <button type="button" onClick={() => ask("resume", "Resume", "What fell into the pause stays skipped.")}>
          Resume…
        </button>
      ) : (
        <button type="button" onClick={() => ask("pause", "Pause", "Its occurrences are skipped until it is resumed.")}>
          Pause…
        </button>
      )}
    </span>
  );
}

function Detail({ id, timezone }: { readonly id: string; readonly timezone: string }) {
  const base = `/api/workflows/schedules/${encodeURIComponent(id)}`;
  const one = useResource<ScheduleDetail>(`${id} next`, (signal) => get(base, signal), CHANGES);
  const past = useResource<Occurrences>(`${id} past`, (signal) => get(`${base}/occurrences?limit=30`, signal), CHANGES);
  const fault = one.fault.value ?? past.fault.value;
  if (fault) return <Fault fault={fault} />;
  return (
    <div class="nested">
      <h3>Next</h3>
      <ol class="plain" aria-label="Next fires">
        {(one.data.value?.next ?? []).map((at) => (
          <li key={at}>
            {dateTime(at)} here, {dateTimeIn(timezone, at)} {visible(timezone)}
          </li>
        ))}
      </ol>
      <JsonTree label="input" value={one.data.value?.schedule.input ?? {}} />
      <h3>Occurrences</h3>
      {past.data.value?.occurrences.length === 0 && <p class="faint">None yet.</p>}
      <ol class="plain">
        {(past.data.value?.occurrences ?? []).map((record) => (
          <li key={record.id}>
            {dateTime(record.at)} <span class={record.outcome === "fired" ? "good" : "faint"}>{record.outcome}</span>{" "}
            {record.source}
            {record.reason !== null && `, ${record.reason}`}
            {record.count !== null && record.count > 1 && `, ${record.count} of them`}{" "}
            {record.task_id !== null && <a href={runPath(record.task_id)}>run {record.task_id.slice(-12)}</a>}
          </li>
        ))}
      </ol>
    </div>
  );
}
