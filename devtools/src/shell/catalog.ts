// What is served now, for every view that names workflows. Asked again at each reload.
import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { Catalog } from "../data/api.ts";
import { get } from "../data/client.ts";
import { useResource } from "../data/resource.ts";

export const catalog = signal<Catalog | null>(null);

/** Keeps `catalog` as it is on the server; used once, by the page around the views. */
export function useCatalog(): void {
  const { data } = useResource<Catalog>(
    "catalog",
    (ended) => get("/api/workflows", ended),
    ({ type }) => type.startsWith("catalog."),
  );
  useEffect(() => {
    catalog.value = data.value;
  }, [data.value]);
}
