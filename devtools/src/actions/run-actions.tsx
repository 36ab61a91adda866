// What a person can do to one run: cancel it, retry it, start another like it, send the event it waits for.
import { useSignal } from "@preact/signals";
import type { RunView, Wait } from "../data/api.ts";
import { ExactNumber, post } from "../data/client.ts";
import { quoted } from "../shell/marks.tsx";
import { session } from "../shell/session.ts";
import { ActionDialog, dialog } from "./dialog.tsx";
import { openStart } from "./start-dialog.tsx";

interface ActionsProps {
  readonly run: RunView;
  readonly waits: readonly Wait[];
  readonly onChange: () => void;
}

export function RunActions({ run, waits, onChange }: ActionsProps) {
  if (session.value?.read_only !== false) return null;
  const isOver = run.status === "completed" || run.status === "failed" || run.status === "cancelled";
  const wait = waits.find((one) => one.kind === "event" && one.event_type !== null);
  return (
    <span class="actions">
      {!isOver && (
        <button type="button" onClick={() => openCancel(run, onChange)}>
          Cancel…
        </button>
      )}
      {run.status === "failed" && (
        <button type="button" onClick={() => openRetry(run, onChange)}>
          Retry…
        </button>
      )}
      {wait && (
        <button type="button" onClick={() => openEmit(wait.event_type!, wait.correlation_id!)}>
          Send event…
        </button>
      )}
      <button type="button" onClick={() => openStart(run.workflow_name, jsonText(run.input))}>
        Start another…
      </button>
    </span>
  );
}

/** A value as JSON again, with the digits it came with. */
export function jsonText(value: unknown): string {
  if (value instanceof ExactNumber) return value.text;
  if (Array.isArray(value)) return `[${value.map(jsonText).join(", ")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null";
  return `{${Object.entries(value).map(([name, inner]) => `${JSON.stringify(name)}: ${jsonText(inner)}`).join(", ")}}`; // prettier-ignore
}

function openCancel(run: RunView, onChange: () => void): void {
  dialog.value = () => (
    <ActionDialog
      title="Cancel this run"
      verb="Cancel the run"
      command={`chiron runs cancel ${run.task_id}`}
      act={async () => {
        await post(`/api/workflows/runs/${run.task_id}/cancel`);
        onChange();
      }}
    >
      <p>It ends where it is. What its steps have done stays done.</p>
    </ActionDialog>
  );
}

function openRetry(run: RunView, onChange: () => void): void {
  dialog.value = () => (
    <ActionDialog
      title="Retry this run"
      verb="Retry"
      command={`chiron runs retry ${run.task_id}`}
      act={async () => {
        await post(`/api/workflows/runs/${run.task_id}/retry`);
        onChange();
      }}
    >
      <p>It gets one more attempt. Finished steps are not repeated: their results are kept.</p>
    </ActionDialog>
  );
}

/** Sending an event, to whoever waits for it. */
export function openEmit(type = "", id = ""): void {
  dialog.value = () => <Emit type={type} id={id} />;
}

function Emit({ type, id }: { readonly type: string; readonly id: string }) {
  const eventType = useSignal(type);
  const correlation = useSignal(id);
  const payload = useSignal("null");
  const isJson = ((): boolean => {
    try {
      JSON.parse(payload.value);
      return true;
    } catch {
      return false;
    }
  })();
  const act = async (): Promise<void> => {
    const parts = [
      `"event_type": ${JSON.stringify(eventType.value)}`,
      `"correlation_id": ${JSON.stringify(correlation.value)}`,
      `"payload": ${payload.value}`,
    ];
    await post("/api/workflows/events", `{${parts.join(", ")}}`);
  };
  const command = `chiron events emit --type ${quoted(eventType.value)} --id ${quoted(correlation.value)} --payload ${quoted(payload.value)}`; // prettier-ignore
  return (
    <ActionDialog title="Send an event" verb="Send" command={command} disabled={!isJson} act={act}>
      <p class="faint">The first event of a type and id stands for ever; later ones change nothing.</p>
      <label>
        Type
        <input required value={eventType.value} onInput={(event) => (eventType.value = event.currentTarget.value)} />
      </label>
      <label>
        Id
        <input
          required
          value={correlation.value}
          onInput={(event) => (correlation.value = event.currentTarget.value)}
        />
      </label>
      <label>
        Payload (JSON)
        <textarea
          rows={4}
          spellcheck={false}
          value={payload.value}
          onInput={(event) => (payload.value = event.currentTarget.value)}
        />
      </label>
      {!isJson && <p role="alert">The payload is not valid JSON.</p>}
    </ActionDialog>
  );
}
