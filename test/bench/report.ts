// The bench's output: a table for a person, or one JSON document.
import os from "node:os";
import { shown, verdict, type Figure } from "./figures.ts";

export interface Report {
  readonly machine: string;
  readonly node: string;
  readonly disk: string;
  /** Runnable processes a core when the bench began: above 1 the machine was busy with something else. */
  readonly loadBefore: number;
  readonly quick: boolean;
  readonly sections: readonly { readonly name: string; readonly title: string; readonly figures: readonly Figure[] }[];
}

export function describeMachine(): Pick<Report, "machine" | "node" | "loadBefore"> {
  const cores = os.cpus();
  return {
    machine: `${cores.length} x ${cores[0]?.model.trim() ?? "unknown"}, ${os.type()} ${os.release()}`,
    node: process.version,
    loadBefore: os.loadavg()[0]! / cores.length,
  };
}

export function asJson(report: Report): string {
  const sections = report.sections.map(({ figures, ...section }) => ({
    ...section,
    figures: figures.map((figure) => ({ ...figure, verdict: verdict(figure) })),
  }));
  return JSON.stringify({ ...report, sections }, null, 2);
}

const HEADER = ["", "value", "must", "aim", "", "note"];

export function asTable(report: Report): string {
  const groups = report.sections.map(({ title, figures }) => ({ title, rows: figures.map(row) }));
  const all = [HEADER, ...groups.flatMap((group) => group.rows)];
  const widths = HEADER.map((_, column) => Math.max(...all.map((cells) => cells[column]!.length)));
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => (isNumeric(column) ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!)))
      .join("  ")
      .trimEnd();
  const head = [
    `${report.machine}, Node ${report.node}, ${report.disk}`,
    `Load before: ${report.loadBefore.toFixed(2)} a core${report.loadBefore > 0.5 ? " (the machine was busy; figures are too low)" : ""}${report.quick ? "; quick: fewer and shorter rounds" : ""}`,
    "",
    line(HEADER),
  ];
  return [...head, ...groups.flatMap(({ title, rows }) => [title, ...rows.map(line)])].join("\n");
}

const isNumeric = (column: number): boolean => column >= 1 && column <= 3;

function row(figure: Figure): string[] {
  const { name, value, unit, target, note } = figure;
  const sign = target?.better === "higher" ? ">= " : "<= ";
  const limit = (of: number): string => sign + of.toLocaleString("en");
  return [
    `  ${name}`,
    value === null ? "-" : `${shown(value)}${unit === "" ? "" : ` ${unit}`}`,
    target ? limit(target.must) : "",
    target ? limit(target.aim) : "",
    verdict(figure),
    note ?? "",
  ];
}
