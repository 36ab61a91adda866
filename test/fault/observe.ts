// What a test sees of a running server from outside: its runs, its events, its host processes and the ledgers that handlers write.
import fs from "node:fs";
import path from "node:path";
import { expect } from "vitest";
import type { Chiron, Project } from "../support/chiron-process.ts";

export interface Created {
  readonly run_id: string;
  readonly task_id: string;
}

/** Creates a run, which must be accepted. */
export async function create(
  server: Chiron,
  workflowName: string,
  input: unknown = {},
  extra: Readonly<Record<string, unknown>> = {},
): Promise<Created> {
  const answer = await server.post("/api/workflows/runs", { workflow_name: workflowName, input, ...extra });
  expect(answer.status, JSON.stringify(answer.body)).toBe(200);
  return answer.body;
}

/** Creates a run and waits for its end. */
export async function ended(
  server: Chiron,
  workflowName: string,
  input: unknown = {},
  extra: Readonly<Record<string, unknown>> = {},
): Promise<Awaited<ReturnType<Chiron["finished"]>>> {
  return server.finished((await create(server, workflowName, input, extra)).task_id);
}

/** Resolves with the first event of the server's life that fits, past or to come. */
export function observed(
  server: Chiron,
  type: string,
  fields: Readonly<Record<string, unknown>> = {},
): Promise<Record<string, unknown>> {
  const fits = (event: Record<string, unknown>): boolean =>
    event["type"] === type && Object.entries(fields).every(([name, value]) => event[name] === value);
  const past = server.events.find(fits);
  return past ? Promise.resolve(past) : server.nextEvent(fits);
}

/** Resolves when a condition without an event of its own holds. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  withinMs = 20_000,
): Promise<void> {
  const end = performance.now() + withinMs;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`not within ${withinMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Whether a process of this number runs; one that has ended and was not waited for does not. */
export function isAlive(pid: number): boolean {
  try {
    const stat = fs.readFileSync(`/proc/${pid}/stat`, "latin1");
    return stat.at(stat.lastIndexOf(")") + 2) !== "Z";
  } catch {
    return false;
  }
}

/** The server's host processes now: its children, as the system knows them. */
export function hosts(server: Chiron): number[] {
  const children = fs.readFileSync(`/proc/${server.pid}/task/${server.pid}/children`, "utf8").trim();
  return children === "" ? [] : children.split(" ").map(Number);
}

/** A figure of /metrics without labels. */
export async function figure(server: Chiron, name: string): Promise<number> {
  const text = await (await fetch(`${server.url}/metrics`)).text();
  return Number(new RegExp(`^${name} (.*)$`, "m").exec(text)?.[1]);
}

export interface Checkpoints {
  readonly checkpoints: readonly { readonly name: string; readonly kind: string; readonly value: unknown }[];
  readonly waits: readonly { readonly step: string; readonly kind: string; readonly deadline_at: string | null }[];
}

export async function checkpoints(server: Chiron, id: string): Promise<Checkpoints> {
  return (await server.get(`/api/workflows/runs/${id}/checkpoints`)).body;
}

/** A run as the API shows it. */
export async function shown(server: Chiron, id: string): Promise<Awaited<ReturnType<Chiron["finished"]>>> {
  return (await server.get(`/api/workflows/runs/${id}`)).body.run;
}

/** Messages of a run's log from one source, or all. */
export async function logLines(server: Chiron, id: string, source?: string): Promise<string[]> {
  const lines: { source: string; message: string }[] = [];
  for (let after = 0; ;) {
    const { body } = await server.get(`/api/workflows/runs/${id}/logs?limit=1000&after=${after}`);
    lines.push(...body.logs);
    if (body.logs.length < 1_000) break;
    after = body.next_after;
  }
  return lines.filter((line) => source === undefined || line.source === source).map((line) => line.message);
}

/** The module that handlers write their ledger with: one whole line a write, in order, also from several processes. */
export const LEDGER_MODULE = `
import os


def note(word):
    fd = os.open(os.path.join(os.environ["LEDGERS"], "ledger"), os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(fd, (str(word) + "\\n").encode())
    os.close(fd)
    return word
`;

/** The words of the ledger, in the order in which they were written. */
export function ledger(project: Project): string[] {
  const text = project.read("ledger");
  return text.split("\n").filter((line) => line !== "");
}

/** The environment with which handlers find the ledger. */
export function withLedger(project: Project): Record<string, string> {
  return { LEDGERS: project.dir };
}

/** Makes the file that a handler waits for. */
export function release(project: Project, name: string): void {
  fs.writeFileSync(path.join(project.dir, name), "");
}
