// Cron expressions as a person means them (decision D2): Unix numbering, day of month OR day of week; or, asked for with
// cron_dialect "quartz", the reference's reading: 1 is Sunday, 0 is an error, both days must match. Either way the result is one
// expression that croner reads without further options, with quartz weekdays spelled by name and "+" for AND.
import { CronPattern } from "croner";

import { messageOf } from "../errors.ts";

export type CronDialect = "unix" | "quartz";

export type CronRead =
  | {
      readonly ok: true;
      /** What to give to croner and to store. */
      readonly expression: string;
      readonly numericWeekday: boolean;
      /** Day of month and day of week are both restricted. */
      readonly bothDays: boolean;
    }
  | { readonly ok: false; readonly reason: string };

const WEEKDAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"] as const;
const MACROS: Readonly<Record<string, string>> = {
  "@yearly": "0 0 1 1 *",
  "@annually": "0 0 1 1 *",
  "@monthly": "0 0 1 * *",
  "@weekly": "0 0 * * SUN",
  "@daily": "0 0 * * *",
  "@midnight": "0 0 * * *",
  "@hourly": "0 * * * *",
};
/** Highest value of a field, from the right of a five-field expression; for steps that begin at a number. */
const MAXIMA = [59, 59, 23, 31, 12, 6];
const MAX_LENGTH = 256;
const WILD = /^[*?]$/;

export function readCron(text: string, dialect: CronDialect): CronRead {
  const trimmed = text.trim();
  if (trimmed.length > MAX_LENGTH) return { ok: false, reason: `is longer than ${MAX_LENGTH} characters` };
  if (trimmed.startsWith("@")) {
    const macro = MACROS[trimmed.toLowerCase()];
    if (!macro) return { ok: false, reason: `${trimmed} is none of ${Object.keys(MACROS).join(", ")}` };
    return { ok: true, expression: macro, numericWeekday: false, bothDays: false };
  }
  const fields = trimmed.split(/\s+/);
  if (fields.length < 5 || fields.length > 7) {
    return {
      ok: false,
      reason: `has ${fields.length} fields, not five (or six with seconds first, seven with the year last)`,
    };
  }
  const weekday = fields.length === 5 ? 4 : 5;
  const declared = fields[weekday]!;
  const bothDays = !WILD.test(declared) && !WILD.test(fields[weekday - 2]!);
  const rewritten = fields.map((field, index) => (index === weekday ? field : stepFromNumber(field, index, weekday)));
  if (dialect === "quartz") {
    const foreign = fields.find((field, index) => index >= weekday - 2 && /[LW#]/i.test(withoutNames(field)));
    if (foreign) return { ok: false, reason: `${foreign} uses L, W or #, which the quartz dialect does not have here` };
    const days = quartzWeekdays(declared);
    if (typeof days === "string") return { ok: false, reason: days };
    rewritten[weekday] = bothDays && days.length < 7 ? `+${spell(days)}` : spell(days);
  }
  const expression = rewritten.join(" ");
  const numericWeekday = /\d/.test(declared.replace(/\/\d+/g, "").replace(/#\d+/g, ""));
  return accepted(expression) ?? { ok: true, expression, numericWeekday, bothDays };
}

function accepted(expression: string): CronRead | null {
  try {
    void new CronPattern(expression);
    return null;
  } catch (fault) {
    return { ok: false, reason: messageOf(fault).replace(/^CronPattern: /, "") };
  }
}

/** `5/15` means from 5 to the end by 15 in both readings; croner wants the end written. */
function stepFromNumber(field: string, index: number, weekday: number): string {
  const maximum = MAXIMA[index + (weekday === 4 ? 1 : 0)];
  if (maximum === undefined) return field;
  return field
    .split(",")
    .map((part) => part.replace(/^(\d+)\/(\d+)$/, `$1-${maximum}/$2`))
    .join(",");
}

function withoutNames(field: string): string {
  return field.replace(/[A-Z]{3}/gi, "");
}

/** Days 0 (Sunday) to 6 of a quartz weekday field, or why it is none. */
function quartzWeekdays(field: string): number[] | string {
  const days = new Set<number>();
  for (const part of field.split(",")) {
    const match = /^(?:([*?])|(\w+)(?:-(\w+))?)(?:\/(\d+))?$/.exec(part);
    if (!match) return `${part} is not a day of the week`;
    const step = match[4] === undefined ? 1 : Number(match[4]);
    const from = match[1] ? 0 : quartzDay(match[2]!);
    const single = match[3] === undefined && match[4] === undefined;
    const to = match[1] ? 6 : match[3] === undefined ? (single ? from : 6) : quartzDay(match[3]);
    if (from === null || to === null) {
      return `${part} is not a day of the week in the quartz dialect, where 1 is Sunday and 7 is Saturday`;
    }
    if (step === 0 || to < from)
      return `${part} is not a range of weekdays, which begin with Sunday in the quartz dialect`;
    for (let day = from; day <= to; day += step) days.add(day);
  }
  return [...days].sort((a, b) => a - b);
}

function quartzDay(text: string): number | null {
  if (/^[1-7]$/.test(text)) return Number(text) - 1;
  const index = WEEKDAYS.findIndex((name) => name === text.toUpperCase());
  return index === -1 ? null : index;
}

/** Weekdays as an expression names them: runs of three and more as a range. */
function spell(days: readonly number[]): string {
  if (days.length === 7) return "*";
  const first = days[0]!;
  const last = days.at(-1)!;
  const run = last - first + 1 === days.length && days.length > 2;
  return run ? `${WEEKDAYS[first]}-${WEEKDAYS[last]}` : days.map((day) => WEEKDAYS[day]).join(",");
}
