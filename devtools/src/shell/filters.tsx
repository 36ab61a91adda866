// Filters that live in the address: chips of which any number may be on, a choice, and free text.
import { query, setQuery } from "./router.ts";

/** Chips for one name of the query; its value is a comma-separated list. */
export function Chips({
  name,
  words,
  counts,
}: {
  readonly name: string;
  readonly words: readonly string[];
  readonly counts?: Readonly<Record<string, number>>;
}) {
  const on = chosen(name);
  const toggle = (word: string): void => {
    const next = on.includes(word) ? on.filter((one) => one !== word) : [...on, word];
    setQuery(name, next.join(","));
  };
  return (
    <span class="chips" role="group" aria-label={name}>
      {words.map((word) => (
        <button
          key={word}
          type="button"
          class={`chip ${word}`}
          aria-pressed={on.includes(word)}
          onClick={() => toggle(word)}
        >
          {word}
          {counts && <span class="faint"> {(counts[word] ?? 0).toLocaleString("en")}</span>}
        </button>
      ))}
    </span>
  );
}

export function chosen(name: string): string[] {
  return (query.value.get(name) ?? "").split(",").filter(Boolean);
}

export function Choice({
  name,
  label,
  values,
}: {
  readonly name: string;
  readonly label: string;
  readonly values: readonly string[];
}) {
  const value = query.value.get(name) ?? "";
  const all = value === "" || values.includes(value) ? values : [value, ...values];
  return (
    <select aria-label={label} value={value} onChange={(event) => setQuery(name, event.currentTarget.value)}>
      <option value="">{label}: all</option>
      {all.map((one) => (
        <option key={one} value={one}>
          {one}
        </option>
      ))}
    </select>
  );
}

/** Free text; `/` brings the keyboard here. */
export function FreeText({ label }: { readonly label: string }) {
  return (
    <input
      type="search"
      aria-label={label}
      placeholder={`${label}  ( / )`}
      value={query.value.get("q") ?? ""}
      onInput={(event) => setQuery("q", event.currentTarget.value)}
      data-search
    />
  );
}
