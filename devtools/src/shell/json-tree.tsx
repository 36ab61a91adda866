// A JSON value as a tree that opens where a person looks: nothing below a closed branch is made, long lists and texts show their
// beginning first. Everything is text. Invisible and direction-changing characters are shown by their code, so that no text can pose
// as another.
import { useSignal } from "@preact/signals";
import { ExactNumber } from "../data/client.ts";

const SHOWN_ITEMS = 100;
const SHOWN_CHARACTERS = 2_000;

/** Control characters but tab and line feed, zero-width and bidirectional marks. */
// oxlint-disable-next-line no-control-regex -- they are what is looked for
const INVISIBLE = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g;

/** The text with its invisible characters spelled out. */
export function visible(text: string): string {
  return text.replace(INVISIBLE, (mark) => `\\u${mark.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** A text that shows its beginning; the rest on demand. */
export function LongText({ text, quote = "" }: { readonly text: string; readonly quote?: string }) {
  const limit = useSignal(SHOWN_CHARACTERS);
  const rest = text.length - limit.value;
  return (
    <span class="text">
      {quote}
      {visible(text.slice(0, limit.value))}
      {rest > 0 ? (
        <button type="button" class="more" onClick={() => (limit.value *= 10)}>
          … {rest.toLocaleString("en")} more characters
        </button>
      ) : (
        quote
      )}
    </span>
  );
}

interface TreeProps {
  readonly value: unknown;
  readonly label?: string;
  /** Where the value stands, for copying. */
  readonly at?: string;
  readonly open?: boolean;
}

export function JsonTree({ value, label, at = "$", open = false }: TreeProps) {
  if (typeof value !== "object" || value === null || value instanceof ExactNumber) {
    return (
      <div class="leaf">
        {label !== undefined && <Key label={label} at={at} />}
        <Scalar value={value} />
      </div>
    );
  }
  return <Branch value={value} label={label} at={at} open={open} />;
}

function Branch({ value, label, at, open }: { value: object; label: string | undefined; at: string; open: boolean }) {
  const isOpen = useSignal(open);
  const shown = useSignal(SHOWN_ITEMS);
  const entries = isOpen.value ? Object.entries(value) : [];
  const count = Array.isArray(value) ? value.length : Object.keys(value).length;
  const summary = Array.isArray(value) ? `[${count}]` : `{${count}}`;
  const rest = entries.length - shown.value;
  return (
    <div class="branch">
      <button type="button" class="fold" aria-expanded={isOpen.value} onClick={() => (isOpen.value = !isOpen.value)}>
        <span aria-hidden="true">{isOpen.value ? "▾" : "▸"}</span> {label !== undefined && `${visible(label)} `}
        <span class="faint">{summary}</span>
      </button>
      {isOpen.value && (
        <div class="nested">
          {entries.slice(0, shown.value).map(([name, inner]) => (
            <JsonTree key={name} value={inner} label={name} at={stepTo(at, name, Array.isArray(value))} />
          ))}
          {rest > 0 && (
            <button type="button" class="more" onClick={() => (shown.value += SHOWN_ITEMS * 10)}>
              … {rest.toLocaleString("en")} more
            </button>
          )}
        </div>
      )}
    </div>
  );
}

function stepTo(at: string, name: string, isList: boolean): string {
  if (isList) return `${at}[${name}]`;
  return /^[A-Za-z_]\w*$/.test(name) ? `${at}.${name}` : `${at}[${JSON.stringify(name)}]`;
}

function Key({ label, at }: { readonly label: string; readonly at: string }) {
  return (
    <button
      type="button"
      class="key"
      title={`copy the path ${visible(at.slice(0, 200))}`}
      onClick={() => void navigator.clipboard?.writeText(at)}
    >
      {visible(label)}:
    </button>
  );
}

function Scalar({ value }: { readonly value: unknown }) {
  if (typeof value === "string") return <LongText text={value} quote={'"'} />;
  if (value instanceof ExactNumber) return <span class="number">{value.text}</span>;
  return <span class={typeof value === "number" ? "number" : "word"}>{String(value)}</span>;
}
