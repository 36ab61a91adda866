// The live views: everything the bus says, and one task from its present state to its end.
import type { RuntimeEvent } from "../core/bus.ts";
import type { TaskId } from "../core/ids.ts";
import { isTerminal } from "../core/states.ts";
import type { ApiDeps } from "./deps.ts";
import { route, type Route } from "./route.ts";
import { findRun } from "./runs.ts";
import { FollowQuery, RunParams } from "./schemas.ts";
import type { Feed, Outlet, Streams } from "./stream.ts";
import { object, rfc3339OrNull, workflowRun } from "./wire.ts";

const STREAM = { description: "Server-sent events.", type: "text/event-stream" };

export function liveRoutes(deps: ApiDeps, streams: Streams): Route[] {
  return [
    route({
      method: "GET",
      path: "/api/events",
      name: "followAll",
      summary: "Every event of the runtime, as it happens.",
      access: "read",
      query: FollowQuery,
      answers: { 200: STREAM },
      handle: (call) => streams.answer(call, { begin: (outlet) => followAll(deps, outlet, call.query.types) }),
    }),
    route({
      method: "GET",
      path: "/api/workflows/runs/{id}/events",
      name: "followRun",
      summary: "One task: its state now, then its events until it has ended.",
      access: "read",
      params: RunParams,
      answers: { 200: STREAM },
      async handle(call) {
        const { task } = await findRun(deps, call.params.id);
        return streams.answer(call, createTaskFeed(deps, task.taskId));
      },
    }),
  ];
}

/** `types`: only these, all of a kind with `run.*`; none: everything. */
function followAll({ bus }: ApiDeps, outlet: Outlet, types: readonly string[] | undefined): void {
  const exact = new Set(types);
  const kinds = (types ?? []).filter((type) => type.endsWith(".*")).map((type) => type.slice(0, -1));
  const isWanted = (type: string): boolean => exact.has(type) || kinds.some((kind) => type.startsWith(kind));
  const stop = bus.subscribe((event) => {
    if (types === undefined || isWanted(event.type)) outlet.send(event.type, eventData(event));
  });
  outlet.signal.addEventListener("abort", stop, { once: true });
}

/**
 * Sends `state` (a WorkflowRun) first, at each heartbeat that finds it changed (another process may work on the task), and last,
 * before `end`. Events of the task that come while the state is being read follow it.
 */
function createTaskFeed({ bus, store }: ApiDeps, taskId: TaskId): Feed {
  let sentAt = -1;
  const sendState = async (outlet: Outlet): Promise<void> => {
    const found = await store.reads.find(taskId);
    if (found && found.task.updatedAt !== sentAt) {
      sentAt = found.task.updatedAt;
      outlet.send("state", workflowRun(found));
    }
    // A task that retention has deleted had ended.
    if (found && !isTerminal(found.task.state)) return;
    outlet.send("end", "{}");
    outlet.end();
  };
  return {
    async begin(outlet) {
      let held: RuntimeEvent[] | null = [];
      const forward = (event: RuntimeEvent): void => {
        outlet.send(event.type, eventData(event));
        // A store that cannot be read ends the stream: the client comes again and begins with the state.
        if (endsTask(event)) sendState(outlet).catch(() => outlet.end());
      };
      const stop = bus.subscribe((event) => {
        if (!("taskId" in event) || event.taskId !== taskId) return;
        if (held) held.push(event);
        else forward(event);
      });
      outlet.signal.addEventListener("abort", stop, { once: true });
      await sendState(outlet);
      const early: RuntimeEvent[] = held;
      held = null;
      for (const event of early) forward(event);
    },
    beat: sendState,
  };
}

function endsTask(event: RuntimeEvent): boolean {
  if (event.type === "run.failed") return event.nextAttemptAt === null;
  return event.type === "run.completed" || event.type === "run.cancelled";
}

const encoded = new WeakMap<RuntimeEvent, string>();

/** An event in the API's spelling: snake_case names, times as RFC 3339. Made once for all clients. */
export function eventData(event: RuntimeEvent): string {
  let text = encoded.get(event);
  if (text === undefined) {
    const plain = event.type === "run.log" ? { ...event, fields: undefined } : event;
    const members = Object.fromEntries(Object.entries(plain).map(wireField));
    text = event.type === "run.log" ? object(members, { fields: event.fields }) : JSON.stringify(members);
    encoded.set(event, text);
  }
  return text;
}

function wireField([name, value]: [string, unknown]): [string, unknown] {
  const wireName = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  return [wireName, name.endsWith("At") ? rfc3339OrNull(value as number | null) : value];
}
