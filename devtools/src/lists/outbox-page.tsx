// The outbox: what runs reached outside, or would have, newest first; each call with what was sent, said meanwhile and answered.
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { Effect, EffectDetail, EffectPage } from "../data/api.ts";
import { get, type Refusal } from "../data/client.ts";
import { useResource } from "../data/resource.ts";
import { Choice } from "../shell/filters.tsx";
import { JsonTree, LongText, visible } from "../shell/json-tree.tsx";
import { Empty, Fault } from "../shell/marks.tsx";
import { query, runPath, setQuery } from "../shell/router.ts";
import { dateTime, duration } from "../shell/times.ts";

const NATURES = ["real", "stubbed", "recorded"];
const SHOWN = 50;

export function OutboxPage() {
  const params = new URLSearchParams({ limit: String(SHOWN) });
  const nature = query.value.get("nature") ?? "";
  if (nature !== "") params.set("nature", nature);
  const key = params.toString();
  const { data, fault, reload } = useResource<EffectPage>(
    key,
    (signal) => get(`/api/outbox?${key}`, signal),
    ({ type }) => /^effect\.(?!progress)/.test(type),
  );
  const older = useSignal<readonly Effect[]>([]);
  const cursor = useSignal<string | null>(null);
  const olderFault = useSignal<Refusal | null>(null);
  useEffect(() => {
    older.value = [];
    cursor.value = null;
  }, [key]);
  const newest = data.value?.effects ?? [];
  const seen = new Set(newest.map(({ id }) => id));
  const shown = [...newest, ...older.value.filter(({ id }) => !seen.has(id))];
  const next = older.value.length > 0 ? cursor.value : (data.value?.next_before ?? null);
  const more = (before: string): void => {
    get<EffectPage>(`/api/outbox?${key}&before=${before}`).then(
      (page) => {
        older.value = [...older.value, ...page.effects];
        cursor.value = page.next_before;
      },
      (error: Refusal) => (olderFault.value = error),
    );
  };
  const open = query.value.get("effect");
  return (
    <section>
      <h1>Outbox</h1>
      <div class="filters">
        <Choice name="nature" label="how real" values={NATURES} />
      </div>
      {fault.value && <Fault fault={fault.value} retry={reload} />}
      {olderFault.value && <Fault fault={olderFault.value} />}
      {data.value && shown.length === 0 && (
        <Empty title="Nothing went out">
          <p>
            Slack messages, tool calls and agent turns of workflows appear here, whether they left this machine or not.
          </p>
        </Empty>
      )}
      {shown.map((effect) => (
        <EffectRow key={effect.id} effect={effect} open={effect.id === open} />
      ))}
      {next !== null && (
        <button type="button" class="wide" onClick={() => more(next)}>
          Older calls
        </button>
      )}
    </section>
  );
}

function EffectRow({ effect, open }: { readonly effect: Effect; readonly open: boolean }) {
  return (
    <div class="item">
      <button
        type="button"
        class="fold item-head"
        aria-expanded={open}
        onClick={() => setQuery("effect", open ? "" : effect.id)}
      >
        <strong>{visible(effect.call)}</strong> {effect.target !== null && visible(effect.target)}{" "}
        <span class={effect.error === null ? "good" : "bad"}>
          {effect.nature}, {effect.state}
        </span>{" "}
        <span class="faint">
          {dateTime(effect.started_at)}
          {effect.duration_ms !== null && `, ${duration(effect.duration_ms)}`}
        </span>
      </button>
      <a href={runPath(effect.task_id)}>{visible(effect.workflow_name)}</a>
      {open && <Detail id={effect.id} />}
    </div>
  );
}

function Detail({ id }: { readonly id: string }) {
  const { data, fault } = useResource<EffectDetail>(
    id,
    (signal) => get(`/api/outbox/${id}`, signal),
    (event) => event.data["effect_id"] === id,
  );
  if (fault.value) return <Fault fault={fault.value} />;
  const effect = data.value?.effect;
  if (!effect) return <p class="faint">Loading…</p>;
  return (
    <div class="nested">
      {effect.error !== null && (
        <p class="bad">
          <LongText text={effect.error} />
        </p>
      )}
      <p class="faint">answered by {visible(effect.by)}</p>
      {effect.progress !== null && effect.progress.length > 0 && (
        <pre>
          <LongText text={effect.progress.join("\n")} />
        </pre>
      )}
      <JsonTree label="sent" value={effect.request} open />
      <JsonTree label="answer" value={effect.answer} open />
    </div>
  );
}
