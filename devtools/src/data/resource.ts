// Something that is asked of the server, and asked again when it may have changed. What is shown stays while the new is on its way.
import { signal, type Signal } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { Refusal } from "./client.ts";
import { follow, type LiveEvent } from "./live.ts";

export interface Resource<T> {
  readonly data: Signal<T | null>;
  readonly fault: Signal<Refusal | null>;
  readonly reload: () => void;
}

/** At most one request of a resource at once, and a pause between two: a busy engine must not keep the page asking. */
const PAUSE_MS = 300;

/** `load` is asked at first, whenever `key` changes, after events that concern it, and after a lost connection. */
export function useResource<T>(
  key: string,
  load: (signal: AbortSignal) => Promise<T>,
  concerns: (event: LiveEvent) => boolean = () => false,
): Resource<T> {
  const latest = useRef({ load, concerns });
  latest.current = { load, concerns };
  const resource = useMemo(() => createResource<T>(latest), [key]);
  useEffect(() => resource.start(), [resource]);
  return resource;
}

interface Latest<T> {
  readonly current: {
    readonly load: (signal: AbortSignal) => Promise<T>;
    readonly concerns: (event: LiveEvent) => boolean;
  };
}

function createResource<T>(latest: Latest<T>) {
  const data = signal<T | null>(null);
  const fault = signal<Refusal | null>(null);
  let ending = new AbortController();
  let busy = false;
  let stale = false;
  const reload = (): void => {
    if (busy) {
      stale = true;
      return;
    }
    busy = true;
    const { signal: ended } = ending;
    void latest.current
      .load(ended)
      .then(
        (value) => {
          if (ended.aborted) return;
          data.value = value;
          fault.value = null;
        },
        (error: unknown) => {
          if (!ended.aborted)
            fault.value = error instanceof Refusal ? error : new Refusal(0, "page", String(error), null);
        },
      )
      .finally(() => setTimeout(next, PAUSE_MS));
  };
  const next = (): void => {
    busy = false;
    if (!stale || ending.signal.aborted) return;
    stale = false;
    reload();
  };
  const start = (): (() => void) => {
    ending = new AbortController();
    reload();
    const stop = follow((event) => latest.current.concerns(event) && reload(), reload);
    return () => {
      stop();
      ending.abort();
    };
  };
  return { data, fault, reload, start };
}
