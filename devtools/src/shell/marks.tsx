// Small marks that all views share: a state by shape and colour, a fault with its next step, an empty view that teaches.
import type { ComponentChildren } from "preact";
import type { Refusal } from "../data/client.ts";
import { visible } from "./json-tree.tsx";

export const STATES = ["pending", "running", "sleeping", "completed", "failed", "cancelled"] as const;

/** Told apart without colour. */
const SHAPES: Readonly<Record<string, string>> = {
  pending: "○",
  running: "▶",
  sleeping: "☾",
  completed: "✔",
  failed: "✘",
  cancelled: "⊘",
};

export function State({ state }: { readonly state: string }) {
  return (
    <span class={`state ${state}`}>
      <span aria-hidden="true">{SHAPES[state] ?? "•"}</span> {state}
    </span>
  );
}

/** What went wrong, and what to do. */
export function Fault({ fault, retry }: { readonly fault: Refusal; readonly retry?: () => void }) {
  return (
    <div class="fault" role="alert">
      <strong>{visible(fault.message)}</strong> <code>{fault.code}</code>
      {fault.hint !== null && <p>{visible(fault.hint)}</p>}
      {retry && (
        <button type="button" onClick={retry}>
          Try again
        </button>
      )}
    </div>
  );
}

export function Empty({ title, children }: { readonly title: string; readonly children?: ComponentChildren }) {
  return (
    <div class="empty">
      <h2>{title}</h2>
      {children}
    </div>
  );
}

/** A command to paste. */
export function Command({ text }: { readonly text: string }) {
  return (
    <div class="command">
      <code>{visible(text)}</code>
      <button type="button" onClick={() => void navigator.clipboard?.writeText(text)}>
        copy
      </button>
    </div>
  );
}

/** An argument as a POSIX shell reads it. */
export function quoted(text: string): string {
  return /^[\w./:@%+=,-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
