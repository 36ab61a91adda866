// A list of equally high rows of which only those in view exist, however many there are. It scrolls by itself and by the keyboard.
import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";

const OVERSCAN = 8;

interface ListProps {
  readonly count: number;
  readonly rowHeight: number;
  readonly label: string;
  readonly row: (index: number) => ComponentChildren;
  /** Brought into view when it changes; -1: none. */
  readonly selected?: number;
  readonly onSelect?: (index: number) => void;
  readonly class?: string;
}

export function VirtualList({ count, rowHeight, label, row, selected = -1, onSelect, class: extra = "" }: ListProps) {
  const box = useRef<HTMLDivElement>(null);
  const top = useSignal(0);
  const height = useSignal(600);
  useLayoutEffect(() => {
    const element = box.current!;
    const observer = new ResizeObserver(() => (height.value = element.clientHeight));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  useEffect(() => {
    const element = box.current!;
    const at = selected * rowHeight;
    if (selected < 0 || (at >= element.scrollTop && at + rowHeight <= element.scrollTop + element.clientHeight)) return;
    element.scrollTop = at - element.clientHeight / 2;
  }, [selected]);
  const first = Math.max(0, Math.floor(top.value / rowHeight) - OVERSCAN);
  const last = Math.min(count, Math.ceil((top.value + height.value) / rowHeight) + OVERSCAN);
  const onKey = (event: KeyboardEvent): void => {
    const step = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1, Home: -count, End: count }[event.key];
    if (step === undefined || !onSelect || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    event.stopPropagation();
    onSelect(Math.max(0, Math.min(count - 1, selected + step)));
  };
  return (
    <div
      ref={box}
      class={`scroll ${extra}`}
      role="list"
      aria-label={label}
      tabIndex={0}
      onScroll={(event) => (top.value = event.currentTarget.scrollTop)}
      onKeyDown={onKey}
    >
      <div class="spacer" style={{ height: `${count * rowHeight}px` }}>
        {Array.from({ length: Math.max(0, last - first) }, (_, offset) => {
          const index = first + offset;
          return (
            <div
              key={index}
              role="listitem"
              aria-setsize={count}
              aria-posinset={index + 1}
              class={index === selected ? "row selected" : "row"}
              style={{ transform: `translateY(${index * rowHeight}px)`, height: `${rowHeight}px` }}
              onClick={() => onSelect?.(index)}
            >
              {row(index)}
            </div>
          );
        })}
      </div>
    </div>
  );
}
