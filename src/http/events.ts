// Emitting an event: by its full name, or by what a workflow's ctx.wait_for_event says.
import { pythonEventName } from "../core/keys.ts";
import * as answers from "./answers.ts";
import type { ApiDeps } from "./deps.ts";
import { json } from "./responses.ts";
import { route, type Route } from "./route.ts";
import { EmitBody } from "./schemas.ts";
import { member, object } from "./wire.ts";

export function eventRoutes({ engine }: ApiDeps): Route[] {
  return [
    route({
      method: "POST",
      path: "/api/workflows/events",
      name: "emitEvent",
      summary: "Emit an event. The first emit of a name stands for ever.",
      access: "write",
      body: EmitBody,
      answers: { 200: { description: "Recorded, or recorded before.", schema: answers.EmitAnswer } },
      async handle({ body, raw }) {
        const name = body.event_name ?? pythonEventName(body.event_type!, body.correlation_id!);
        const { first, woken } = await engine.emit(name, member(raw, "payload"));
        return json(object({ ok: true, event_name: name, first, woken: woken.length }));
      },
    }),
  ];
}
