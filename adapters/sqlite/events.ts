// Events: the first emit of a name wins, and wakes everybody who waits for it in the same transaction.
import type { JsonText } from "../../src/core/json-text.ts";
import type { EventTransitions } from "../../src/ports/store.ts";
import type { Emitted, EmitRequest } from "../../src/ports/store-types.ts";
import { packJson, packText } from "./codec.ts";
import { prepareQuery } from "./query.ts";
import { each, read, type Session } from "./session.ts";
import type { Waiting } from "./waiting.ts";

const EMIT = "INSERT INTO events (name, emitted_at, payload) VALUES (?, ?, ?) ON CONFLICT (name) DO NOTHING";
const GET = "SELECT emitted_at, payload FROM events WHERE name = ?";

export function createEvents(session: Session, waiting: Waiting): EventTransitions {
  const { db, clock } = session;
  const insert = db.prepare(EMIT);
  const get = prepareQuery<[string], { emitted_at: number; payload: JsonText }>(db, GET);
  const emit = (event: EmitRequest): Emitted => {
    const now = clock.now();
    const name = packText(event.name);
    const payload = packJson(event.payload);
    if (insert.run(name, now, payload).changes === 0) return { first: false, woken: [] };
    return { first: true, woken: waiting.resolve("event", name, () => payload, now) };
  };
  return {
    emit: (events) => each(session, events, emit),
    get: (name) =>
      read(session, () => {
        const row = get.get(packText(name));
        return row ? { name, payload: row.payload, emittedAt: row.emitted_at } : null;
      }),
  };
}
