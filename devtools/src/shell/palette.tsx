// The palette: type a few letters of a view, a workflow or an action, or paste an id, and be there.
import { useSignal } from "@preact/signals";
import { openEmit } from "../actions/run-actions.tsx";
import { closeDialog, dialog, DialogFrame } from "../actions/dialog.tsx";
import { openStart } from "../actions/start-dialog.tsx";
import { catalog } from "./catalog.ts";
import { visible } from "./json-tree.tsx";
import { go, runPath } from "./router.ts";
import { session } from "./session.ts";
import { VIEWS } from "./views.ts";

interface Item {
  readonly text: string;
  readonly act: () => void;
}

const ID = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i;
const SHOWN = 12;

export function openPalette(): void {
  dialog.value = () => <Palette />;
}

function items(words: string): Item[] {
  const names = (catalog.value?.workflows ?? []).map((workflow) => workflow.workflow_name);
  const changes: Item[] =
    session.value?.read_only === false
      ? [
          ...names.map((name) => ({ text: `Start ${name}`, act: () => openStart(name) })),
          { text: "Send an event", act: () => openEmit() },
        ]
      : [];
  const all: Item[] = [
    ...VIEWS.map(({ name, label }) => ({ text: `Go to ${label}`, act: () => go(`/${name}`) })),
    ...changes,
    ...names.map((name) => ({ text: `Runs of ${name}`, act: () => go(`/runs?workflow=${encodeURIComponent(name)}`) })),
    ...["failed", "running", "sleeping"].map((state) => ({ text: `Runs that are ${state}`, act: () => go(`/runs?state=${state}`) })), // prettier-ignore
  ];
  const id = words.trim();
  if (ID.test(id)) return [{ text: `Open run ${id}`, act: () => go(runPath(id.toLowerCase())) }];
  const parts = words.toLowerCase().split(/\s+/);
  return all.filter(({ text }) => parts.every((part) => text.toLowerCase().includes(part))).slice(0, SHOWN);
}

function Palette() {
  const words = useSignal("");
  const at = useSignal(0);
  const found = items(words.value);
  const choose = (item: Item | undefined): void => {
    if (!item) return;
    closeDialog();
    item.act();
  };
  const onKey = (event: KeyboardEvent): void => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step !== undefined) at.value = Math.max(0, Math.min(found.length - 1, at.value + step));
    else if (event.key === "Enter") choose(found[at.value]);
    else return;
    event.preventDefault();
  };
  return (
    <DialogFrame title="Go to or do" class="palette">
      <input
        autofocus
        role="combobox"
        aria-expanded="true"
        aria-controls="palette-items"
        aria-label="What"
        placeholder="a view, a workflow, an action, or an id"
        value={words.value}
        onInput={(event) => {
          words.value = event.currentTarget.value;
          at.value = 0;
        }}
        onKeyDown={onKey}
      />
      <ul id="palette-items" role="listbox" aria-label="Found">
        {found.map((item, index) => (
          <li key={item.text} role="option" aria-selected={index === at.value} onClick={() => choose(item)}>
            {visible(item.text)}
          </li>
        ))}
      </ul>
      {found.length === 0 && <p class="faint">Nothing is called so.</p>}
    </DialogFrame>
  );
}
