// Where the page is: its address as signals. Every view has an address of its own, filters included, so that it can be sent to somebody.
import { computed, signal } from "@preact/signals";

const address = signal(location.pathname + location.search);
window.addEventListener("popstate", () => (address.value = location.pathname + location.search));

const url = computed(() => new URL(address.value, location.origin));

/** The parts of the path: `/runs/x` is `["runs", "x"]`. */
export const path = computed(() => url.value.pathname.split("/").filter(Boolean).map(decoded));
export const query = computed(() => url.value.searchParams);

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

export function go(to: string): void {
  if (to === address.value) return;
  history.pushState(null, "", to);
  address.value = to;
  window.scrollTo(0, 0);
}

/** Changes one thing of the query; an empty value takes it out. Makes no step in the history. */
export function setQuery(name: string, value: string): void {
  const params = new URLSearchParams(query.value);
  if (value === "") params.delete(name);
  else params.set(name, value);
  const text = params.toString();
  const to = url.value.pathname + (text === "" ? "" : `?${text}`);
  history.replaceState(null, "", to);
  address.value = to;
}

/** Follows links inside the page without loading it anew; clicks that ask for a tab or a window stay the browser's. */
export function followLinks(event: MouseEvent): void {
  if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey) return;
  const link = (event.target as Element).closest("a");
  if (!link || link.origin !== location.origin || link.target !== "" || link.pathname.startsWith("/api/")) return;
  event.preventDefault();
  go(link.pathname + link.search);
}

export const runPath = (id: string): string => `/runs/${encodeURIComponent(id)}`;
