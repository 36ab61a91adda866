// The timeline: a row per thing that happened, bars that tell by shape and colour what a time was spent with, a brush to look closer.
import { useSignal, type Signal } from "@preact/signals";
import { useRef } from "preact/hooks";
import { visible } from "../shell/json-tree.tsx";
import { duration } from "../shell/times.ts";
import { VirtualList } from "../shell/virtual-list.tsx";
import type { Bar, BarKind, Row, Timeline } from "./timeline.ts";

const ROW_HEIGHT = 26;
const LEGEND: readonly BarKind[] = ["queued", "running", "replayed", "sleeping", "waiting", "effect", "failed", "completed"]; // prettier-ignore
const SIGNS: Readonly<Record<Row["kind"], string>> = {
  attempt: "#",
  step: "■",
  sleep: "☾",
  event: "✉",
  task: "⑂",
  timeout: "⌛",
  wait: "…",
  child: "⑂",
  effect: "↗",
};

interface Span {
  readonly from: number;
  readonly to: number;
}

interface ViewProps {
  readonly timeline: Timeline;
  readonly selected: string | null;
  readonly onSelect: (row: Row) => void;
}

export function TimelineView({ timeline, selected, onSelect }: ViewProps) {
  const zoom = useSignal<Span | null>(null);
  const span = zoom.value ?? timeline;
  const { rows } = timeline;
  return (
    <div class="timeline">
      <div class="legend" aria-label="Legend">
        {LEGEND.map((kind) => (
          <span key={kind}>
            <i class={`bar ${kind} sample`} /> {kind}
          </span>
        ))}
      </div>
      <Brush whole={timeline} zoom={zoom} />
      <div class="scale">
        <span>{duration(span.from - timeline.from)}</span>
        <span>{duration((span.from + span.to) / 2 - timeline.from)}</span>
        <span>{duration(span.to - timeline.from)}</span>
      </div>
      <VirtualList
        count={rows.length}
        rowHeight={ROW_HEIGHT}
        label="Timeline"
        class="rows"
        selected={rows.findIndex((row) => row.id === selected)}
        onSelect={(index) => onSelect(rows[index]!)}
        row={(index) => <TimelineRow row={rows[index]!} span={span} />}
      />
    </div>
  );
}

function TimelineRow({ row, span }: { readonly row: Row; readonly span: Span }) {
  const main = row.bars.find((bar) => bar.kind !== "queued" && bar.kind !== "replayed") ?? row.bars[0]!;
  return (
    <div class="timeline-row">
      <span class={`label ${row.kind}`} title={visible(row.label.slice(0, 500))}>
        <span aria-hidden="true">{SIGNS[row.kind]}</span> {visible(row.label.slice(0, 200))}
      </span>
      <span class="took right">{duration(main.to - main.from)}</span>
      <span class="track">
        {row.bars.map((bar, index) => (
          <i key={index} class={`bar ${bar.kind}`} title={titleOf(bar)} style={placed(bar, span)} />
        ))}
      </span>
    </div>
  );
}

function titleOf(bar: Bar): string {
  return bar.from === bar.to ? bar.title : `${bar.title}, ${duration(bar.to - bar.from)}`;
}

function placed(bar: Span, span: Span): { readonly left: string; readonly width: string; readonly display?: string } {
  const length = span.to - span.from;
  const left = (Math.max(bar.from, span.from) - span.from) / length;
  const right = (Math.min(bar.to, span.to) - span.from) / length;
  const place = { left: `${left * 100}%`, width: `${Math.max(0, right - left) * 100}%` };
  return bar.to < span.from || bar.from > span.to ? { ...place, display: "none" } : place;
}

/** Drag over it to look closer; a double click or Escape shows the whole again. */
function Brush({ whole, zoom }: { readonly whole: Timeline; readonly zoom: Signal<Span | null> }) {
  const box = useRef<HTMLDivElement>(null);
  const start = useRef<number | null>(null);
  const timeAt = (event: PointerEvent): number => {
    const { left, width } = box.current!.getBoundingClientRect();
    const share = Math.min(1, Math.max(0, (event.clientX - left) / width));
    return whole.from + share * (whole.to - whole.from);
  };
  const drag = (event: PointerEvent): void => {
    if (start.current === null) return;
    const at = timeAt(event);
    const [from, to] = at < start.current ? [at, start.current] : [start.current, at];
    if (to - from > (whole.to - whole.from) / 1_000) zoom.value = { from, to };
  };
  return (
    <div
      ref={box}
      class="brush"
      role="group"
      aria-label="Zoom: drag to look closer, Escape shows all"
      tabIndex={0}
      onPointerDown={(event) => {
        start.current = timeAt(event);
        event.currentTarget.setPointerCapture(event.pointerId);
      }}
      onPointerMove={drag}
      onPointerUp={() => (start.current = null)}
      onDblClick={() => (zoom.value = null)}
      onKeyDown={(event) => event.key === "Escape" && (zoom.value = null)}
    >
      {whole.rows.length <= 2_000 &&
        whole.rows.map((row) =>
          row.bars.slice(0, 1).map((bar) => <i key={row.id} class={`mini ${bar.kind}`} style={placed(bar, whole)} />),
        )}
      {zoom.value && <span class="window" style={placed(zoom.value, whole)} />}
    </div>
  );
}
