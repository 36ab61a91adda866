// Starting a workflow: a form made from its Input, or JSON where there is none.
import { useSignal, type Signal } from "@preact/signals";
import type { Catalog, Created, Workflow } from "../data/api.ts";
import { get, post } from "../data/client.ts";
import { useResource } from "../data/resource.ts";
import { visible } from "../shell/json-tree.tsx";
import { Fault, quoted } from "../shell/marks.tsx";
import { go, runPath } from "../shell/router.ts";
import { ActionDialog, dialog, DialogFrame } from "./dialog.tsx";
import { fieldsOf, inputText, type Field } from "./input-form.ts";

/** `name` and `input` fill the form, for starting something like an earlier run. */
export function openStart(name?: string, input?: string): void {
  dialog.value = () => <Start name={name} input={input} />;
}

interface StartProps {
  readonly name: string | undefined;
  readonly input: string | undefined;
}

function Start({ name, input }: StartProps) {
  const { data, fault } = useResource<Catalog>("catalog", (signal) => get("/api/workflows", signal));
  const workflows = data.value?.workflows;
  if (fault.value || !workflows || workflows.length === 0) {
    return (
      <DialogFrame title="Start a workflow">
        {fault.value ? <Fault fault={fault.value} /> : <p>{workflows ? "No workflow is served." : "Loading…"}</p>}
      </DialogFrame>
    );
  }
  return <StartForm workflows={workflows} name={name ?? workflows[0]!.workflow_name} input={input} />;
}

function StartForm({
  workflows,
  name,
  input,
}: {
  workflows: readonly Workflow[];
  name: string;
  input: string | undefined;
}) {
  const chosen = useSignal(name);
  const values = useSignal<Readonly<Record<string, string>>>({});
  const raw = useSignal(input ?? "{}");
  const asJson = useSignal(input !== undefined);
  const workflow = workflows.find((one) => one.workflow_name === chosen.value);
  const fields = fieldsOf(workflow?.input_schema);
  const typesJson = asJson.value || fields === null;
  const { text, fault } = typesJson ? checked(() => (JSON.parse(raw.value), raw.value.trim())) : checked(() => inputText(fields, values.value)); // prettier-ignore
  const act = async (): Promise<void> => {
    const body = `{"workflow_name": ${JSON.stringify(chosen.value)}, "input": ${text}}`;
    const { task_id } = await post<Created>("/api/workflows/runs", body);
    go(runPath(task_id));
  };
  const command = `chiron run ${quoted(chosen.value)}${text === "{}" ? "" : ` --input ${quoted(text)}`}`;
  return (
    <ActionDialog title="Start a workflow" verb="Start" command={command} disabled={fault !== null} act={act}>
      <label>
        Workflow
        <select value={chosen.value} onChange={(event) => (chosen.value = event.currentTarget.value)}>
          {workflows.map((one) => (
            <option key={one.workflow_name}>{one.workflow_name}</option>
          ))}
        </select>
      </label>
      {workflow?.description && <p class="faint">{visible(workflow.description.slice(0, 400))}</p>}
      <InputEditor
        key={chosen.value}
        fields={fields}
        typesJson={typesJson}
        values={values}
        raw={raw}
        onSwitch={() => {
          raw.value = text;
          asJson.value = !asJson.value;
        }}
      />
      {fault !== null && <p role="alert">{visible(fault)}</p>}
    </ActionDialog>
  );
}

interface EditorProps {
  readonly fields: readonly Field[] | null;
  readonly typesJson: boolean;
  readonly values: Signal<Readonly<Record<string, string>>>;
  readonly raw: Signal<string>;
  readonly onSwitch: () => void;
}

/** The form of the Input, or its JSON. */
function InputEditor({ fields, typesJson, values, raw, onSwitch }: EditorProps) {
  return (
    <>
      {fields !== null && (
        <label class="inline">
          <input type="checkbox" checked={typesJson} onChange={onSwitch} />
          Input as JSON
        </label>
      )}
      {typesJson || fields === null ? (
        <label>
          Input
          <textarea
            rows={6}
            spellcheck={false}
            value={raw.value}
            onInput={(event) => (raw.value = event.currentTarget.value)}
          />
        </label>
      ) : (
        fields.map((field) => (
          <FieldInput
            key={field.name}
            field={field}
            value={values.value[field.name] ?? ""}
            onInput={(value) => (values.value = { ...values.value, [field.name]: value })}
          />
        ))
      )}
    </>
  );
}

function checked(make: () => string): { readonly text: string; readonly fault: string | null } {
  try {
    return { text: make(), fault: null };
  } catch (error) {
    return { text: "{}", fault: (error as Error).message };
  }
}

interface FieldProps {
  readonly field: Field;
  readonly value: string;
  readonly onInput: (value: string) => void;
}

function FieldInput({ field, value, onInput }: FieldProps) {
  const choices = field.kind === "boolean" ? ["true", "false"] : field.choices;
  return (
    <label>
      {visible(field.name)}
      {field.required && " (required)"} <span class="faint">{visible(field.description)}</span>
      {choices.length > 0 ? (
        <select value={value} onChange={(event) => onInput(event.currentTarget.value)}>
          <option value="">{field.placeholder === "" ? "–" : `default: ${visible(field.placeholder)}`}</option>
          {choices.map((choice) => (
            <option key={choice}>{choice}</option>
          ))}
        </select>
      ) : (
        <input
          value={value}
          required={field.required}
          placeholder={field.placeholder}
          onInput={(event) => onInput(event.currentTarget.value)}
        />
      )}
    </label>
  );
}
