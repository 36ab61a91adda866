// Holds what happened against what a scenario expects, with the expectations that it leaves unsaid: deliveries that are signed well are
// accepted, others refused, and every run completes.
import { parseDuration } from "../core/duration.ts";
import type { Answer } from "./api.ts";
import type { Heard } from "./drive.ts";
import type { DeliveryItem, RunExpectation, Scenario } from "./format.ts";
import { compare, matcherNameOf, show, type Difference, type MatchContext } from "./matchers.ts";
import type { Observed, ObservedRun } from "./observe.ts";

export interface Verdict {
  readonly differences: readonly Difference[];
  /** The runs that a difference concerns, for a person who wants to look. */
  readonly runIds: readonly string[];
}

export interface Evidence {
  readonly scenario: Scenario;
  readonly heard: readonly Heard[];
  readonly observed: Observed;
  readonly startMs: number;
  readonly context: MatchContext;
  /** Virtual time that a crash took; 0: there was none. With one, runs may have needed an attempt more. */
  readonly lostMs: number;
  /** False: the world's time passed, and how much of it says nothing. */
  readonly virtual: boolean;
}

const MOST_NAMED = 5;

/** What is not as expected, in the order of the file. */
export function judgeScenario({ scenario, heard, observed, startMs, context, lostMs, virtual }: Evidence): Verdict {
  const differences = heard.flatMap((one) => judgeAnswer(one, context));
  const concerned = new Set<string>();
  const { expect = {} } = scenario;
  const judge = (expected: RunExpectation, run: ObservedRun, path: string): void => {
    const found = judgeRun(expected, run, path, { ...context, lostMs, virtual });
    if (found.length > 0) concerned.add(run.runId);
    differences.push(...found);
  };
  const wanted = expect.run === undefined ? expect.runs : [expect.run];
  const path = expect.run === undefined ? "expect.runs" : "expect.run";
  if (Array.isArray(wanted)) {
    const { runs } = observed;
    if (runs.length !== wanted.length) {
      differences.push({ path, expected: counted(wanted.length), actual: `${counted(runs.length)}${namesOf(runs)}` });
      for (const run of runs) concerned.add(run.runId);
    } else {
      wanted.forEach((one, at) =>
        judge(one as RunExpectation, runs[at]!, expect.run === undefined ? `${path}[${at}]` : path),
      );
    }
  } else {
    if (wanted !== undefined) differences.push(...compare(wanted, observed.runs.length, path, context));
    for (const run of observed.runs) judge({}, run, wanted === undefined ? `run of ${run.workflow}` : path);
  }
  if (expect.outbox !== undefined)
    differences.push(...compare(expect.outbox, observed.outbox, "expect.outbox", context));
  if (virtual && expect.duration !== undefined) {
    const last = Math.max(startMs, ...observed.all.map((run) => run.finishedAtMs ?? startMs));
    differences.push(
      ...judgeDuration(expect.duration, last - startMs, "expect.duration", { ...context, lostMs, virtual }),
    );
  }
  return { differences, runIds: [...concerned] };
}

function counted(count: number): string {
  return count === 1 ? "1 run" : `${count} runs`;
}

function namesOf(runs: readonly ObservedRun[]): string {
  if (runs.length === 0) return "";
  const names = runs.slice(0, MOST_NAMED).map(({ workflow, status }) => `${workflow} (${status})`);
  return `: ${names.join(", ")}${runs.length > MOST_NAMED ? ", …" : ""}`;
}

const PLURALS = { delivery: "deliveries", run: "runs", event: "events" } as const;

function judgeAnswer({ happening, answer }: Heard, context: MatchContext): Difference[] {
  const { item, index, kind } = happening;
  const list = Array.isArray(item.expect) ? (item.expect as readonly object[]) : null;
  const repetition = kind === "delivery" ? happening.repetition : 0;
  const own = list === null ? item.expect : list[Math.min(repetition, list.length - 1)];
  const at = list === null ? "" : `[${Math.min(repetition, list.length - 1)}]`;
  const path = `${PLURALS[kind]}[${index}].expect${at}`;
  if (own === undefined) return judgeUnsaid(kind === "delivery" ? happening.item : null, answer, path);
  const lower = loweredHeaders(own as Readonly<Record<string, unknown>>);
  const found = compare(lower, answer, path, context);
  return found.length > 0 && !("status" in own) ? [...judgeStatus(answer, path), ...found] : found;
}

function loweredHeaders(own: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const { headers } = own;
  if (typeof headers !== "object" || headers === null || matcherNameOf(headers) !== null) return own;
  const lower = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
  return { ...own, headers: lower };
}

function judgeUnsaid(delivery: DeliveryItem | null, answer: Answer, path: string): Difference[] {
  const sign = delivery?.sign ?? "auto";
  if (sign === "none") return [];
  if (sign === "auto" || sign === "previous-secret") return judgeStatus(answer, path);
  return answer.status === 401 ? [] : [{ path: `${path}.status`, expected: "401", actual: answerText(answer) }];
}

function judgeStatus(answer: Answer, path: string): Difference[] {
  const isGood = answer.status >= 200 && answer.status < 300;
  return isGood ? [] : [{ path: `${path}.status`, expected: "2xx", actual: answerText(answer) }];
}

function answerText({ status, body }: Answer): string {
  return `${status} ${show(body)}`;
}

type RunContext = MatchContext & Pick<Evidence, "lostMs" | "virtual">;

function judgeRun(expected: RunExpectation, run: ObservedRun, path: string, context: RunContext): Difference[] {
  const { children, duration, attempts, ...rest } = expected;
  const unsaid = rest.status === undefined && rest.failure === undefined;
  const found = compare(unsaid ? { status: "completed", ...rest } : rest, run, path, context).map((one) =>
    unsaid && one.path === `${path}.status` ? { ...one, actual: `${one.actual}${whyOf(run)}` } : one,
  );
  if (attempts !== undefined) found.push(...judgeAttempts(attempts, run, `${path}.attempts`, context));
  if (context.virtual && duration !== undefined)
    found.push(...judgeDuration(duration, run.duration, `${path}.duration`, context));
  if (typeof children === "number") found.push(...compare(children, run.children.length, `${path}.children`, context));
  else if (children !== undefined) found.push(...judgeChildren(children, run.children, path, context));
  return found;
}

/** The attempt that a crash ended counts, or it does not. */
function judgeAttempts(expected: unknown, run: ObservedRun, path: string, context: RunContext): Difference[] {
  const found = compare(expected, run.attempts, path, context);
  return context.lostMs > 0 && compare(expected, run.attempts - 1, path, context).length === 0 ? [] : found;
}

function judgeDuration(expected: unknown, ms: number | null, path: string, context: RunContext): Difference[] {
  const wanted = inMs(expected);
  const found = compare(wanted, ms, path, context).map(told);
  const without = ms === null ? null : ms - context.lostMs;
  return compare(wanted, without, path, context).length === 0 ? [] : found;
}

function judgeChildren(
  expected: readonly RunExpectation[],
  children: readonly ObservedRun[],
  path: string,
  context: RunContext,
): Difference[] {
  if (expected.length === children.length) {
    return expected.flatMap((one, at) => judgeRun(one, children[at]!, `${path}.children[${at}]`, context));
  }
  const actual = `${counted(children.length)}${namesOf(children)}`;
  return [{ path: `${path}.children`, expected: counted(expected.length), actual }];
}

function whyOf({ failure }: ObservedRun): string {
  if (typeof failure !== "object" || failure === null) return "";
  const { name, message } = failure as { readonly name?: unknown; readonly message?: unknown };
  return `: ${String(name)}: ${String(message).slice(0, 500)}`;
}

/** Durations in an expectation as milliseconds, inside matchers too. */
function inMs(expected: unknown): unknown {
  if (typeof expected === "string") return parseDuration(expected) ?? expected;
  if (typeof expected !== "object" || expected === null) return expected;
  return Object.fromEntries(Object.entries(expected).map(([name, value]) => [name, inMs(value)]));
}

function told({ path, expected, actual }: Difference): Difference {
  return { path, expected: `${expected} ms`, actual: `${actual} ms` };
}
