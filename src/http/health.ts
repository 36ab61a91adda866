// The probes. Both are open to everybody, so they name reasons but no paths.
import { ChironError } from "../core/errors.ts";
import * as answers from "./answers.ts";
import type { ApiDeps } from "./deps.ts";
import { json } from "./responses.ts";
import { route, type Route } from "./route.ts";

/** How long one commit's outcome answers for the store, in ms: probes must not become a load of their own. */
const PING_MS = 1_000;

export function healthRoutes(deps: ApiDeps): Route[] {
  const storeFault = createPing(deps);
  return [
    route({
      method: "GET",
      path: "/healthz",
      name: "health",
      summary: "The process is up.",
      access: "open",
      answers: { 200: { description: "Up.", schema: answers.HealthAnswer } },
      handle: () => json(JSON.stringify({ ok: true, ...deps.info, ...offset(deps) })),
    }),
    route({
      method: "GET",
      path: "/readyz",
      name: "ready",
      summary: "Runs can be created and executed now.",
      access: "open",
      answers: {
        200: { description: "Ready.", schema: answers.ReadyAnswer },
        503: { description: "Not ready, and why.", schema: answers.NotReadyAnswer },
      },
      async handle() {
        const fault = await storeFault();
        const state = deps.ready();
        const reasons = state.ok ? [] : [...state.reasons];
        if (fault) reasons.push(fault);
        if (deps.catalog.current().generation === "") reasons.push("no workflow code has been loaded yet");
        if (reasons.length === 0 && state.ok) return json('{"ok":true}');
        const body = { ok: false, error: "not ready", code: "unavailable", reasons };
        return json(JSON.stringify(body), 503, { "retry-after": "1" });
      },
    }),
  ];
}

/** That times are not the machine's, while somebody has moved the clock. */
function offset({ time }: ApiDeps): { readonly clock_offset_ms?: number } {
  const reading = time?.reading();
  return reading && reading.mode !== "real" ? { clock_offset_ms: reading.nowMs - reading.realMs } : {};
}

/** Asks the store at most once per PING_MS whether it can commit; null: it can. */
function createPing({ store, clock }: ApiDeps): () => Promise<string | null> {
  let asked: Promise<string | null> | null = null;
  let askedAt = 0;
  const ask = async (): Promise<string | null> => {
    try {
      await store.admin.ping();
      return null;
    } catch (error) {
      return `the store cannot commit: ${error instanceof ChironError ? error.code : "fault"}`;
    }
  };
  return () => {
    const now = clock.monotonic();
    if (!asked || now - askedAt >= PING_MS) {
      asked = ask();
      askedAt = now;
    }
    return asked;
  };
}
