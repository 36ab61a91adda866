// A dialog for one action: what it will do, the command that does the same, and what came of it. Escape closes it, the keyboard stays in it.
import { signal, useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { Refusal } from "../data/client.ts";
import { Command, Fault } from "../shell/marks.tsx";

/** The dialog that is open; one at a time. */
export const dialog = signal<(() => ComponentChildren) | null>(null);

export const closeDialog = (): void => void (dialog.value = null);

export function Dialogs() {
  return dialog.value?.() ?? null;
}

interface FrameProps {
  readonly title: string;
  readonly children?: ComponentChildren;
  readonly class?: string;
}

export function DialogFrame({ title, children, class: extra = "" }: FrameProps) {
  const box = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const before = document.activeElement;
    box.current!.showModal();
    return () => {
      if (before instanceof HTMLElement) before.focus();
    };
  }, []);
  // At once: the dialog's own close event comes later, when the next key may already have been pressed.
  const onKey = (event: KeyboardEvent): void => {
    if (event.key !== "Escape") return;
    event.preventDefault();
    closeDialog();
  };
  return (
    <dialog ref={box} class={extra} aria-label={title} onClose={closeDialog} onKeyDown={onKey}>
      <header>
        <h2>{title}</h2>
        <button type="button" aria-label="Close" onClick={closeDialog}>
          ✕
        </button>
      </header>
      {children}
    </dialog>
  );
}

interface ActionProps extends FrameProps {
  readonly verb: string;
  /** The same from a terminal. */
  readonly command: string;
  readonly disabled?: boolean;
  readonly act: () => Promise<void>;
}

export function ActionDialog({ title, verb, command, disabled = false, act, children }: ActionProps) {
  const fault = useSignal<Refusal | null>(null);
  const busy = useSignal(false);
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    busy.value = true;
    try {
      await act();
      closeDialog();
    } catch (error) {
      fault.value = error as Refusal;
    } finally {
      busy.value = false;
    }
  };
  return (
    <DialogFrame title={title}>
      <form onSubmit={(event) => void submit(event)}>
        {children}
        {fault.value && <Fault fault={fault.value} />}
        <p class="faint">The same from a terminal:</p>
        <Command text={command} />
        <button type="submit" class="primary" disabled={disabled || busy.value}>
          {verb}
        </button>
      </form>
    </DialogFrame>
  );
}
