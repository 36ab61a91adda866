// The keyboard: one table of what each key does, from which the page acts and the sheet is printed.
import { openEmit } from "../actions/run-actions.tsx";
import { dialog } from "../actions/dialog.tsx";
import { openStart } from "../actions/start-dialog.tsx";
import { openPalette } from "./palette.tsx";
import { go } from "./router.ts";
import { session } from "./session.ts";
import { openSheet } from "./sheet.tsx";
import { VIEWS } from "./views.ts";

interface Key {
  readonly keys: string;
  readonly does: string;
  readonly act: () => void;
}

const mayChange = (act: () => void) => (): void => void (session.value?.read_only === false && act());

const KEYS: readonly Key[] = [
  { keys: "?", does: "this sheet", act: () => openSheet(sheetRows()) },
  { keys: "/", does: "find in this view", act: () => document.querySelector<HTMLElement>("[data-search]")?.focus() },
  { keys: "n", does: "start a workflow", act: mayChange(() => openStart()) },
  { keys: "e", does: "send an event", act: mayChange(() => openEmit()) },
  {
    keys: "l",
    does: "to the list of this view",
    act: () => document.querySelector<HTMLElement>("[role=list]")?.focus(),
  },
  { keys: "[", does: "back", act: () => history.back() },
  { keys: "]", does: "forward", act: () => history.forward() },
  ...VIEWS.map(({ key, name, label }) => ({ keys: `g ${key}`, does: `go to ${label}`, act: () => go(`/${name}`) })),
];

/** Keys that the lists and dialogs themselves know. */
const IN_PLACE: readonly (readonly [string, string])[] = [
  ["Ctrl K, ⌘ K", "palette: go anywhere, start anything"],
  ["↓ ↑, j k", "next and previous row of a list"],
  ["Home, End", "first and last row of a list"],
  ["Enter", "open the chosen run"],
  ["Escape", "close a dialog; show the whole timeline"],
];

function sheetRows(): readonly (readonly [string, string])[] {
  return [...KEYS.map(({ keys, does }): readonly [string, string] => [keys, does]), ...IN_PLACE];
}

let before = "";

/** Acts on a key, unless the person is writing something. */
export function onKey(event: KeyboardEvent): void {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
    event.preventDefault();
    openPalette();
    return;
  }
  const target = event.target as HTMLElement;
  const isWriting = target.matches("input, textarea, select");
  if (isWriting && event.key === "Escape") target.blur();
  if (isWriting || dialog.value || event.ctrlKey || event.metaKey || event.altKey) return;
  const typed = before === "g" ? `g ${event.key}` : event.key;
  before = before === "g" ? "" : event.key;
  const found = KEYS.find(({ keys }) => keys === typed);
  if (!found) return;
  event.preventDefault();
  found.act();
}
