// Events: the first emit of a name wins, for every queue at once, and wakes everybody who waits for it in the same transaction.
import type { RunId, TaskId } from "../../src/core/ids.ts";
import type { JsonText } from "../../src/core/json-text.ts";
import type { EventTransitions } from "../../src/ports/store.ts";
import type { Emitted, EmitRequest } from "../../src/ports/store-types.ts";
import { packText, packValue } from "./codec.ts";
import { eventKey } from "./progress.ts";
import { createMethod, type Session } from "./session.ts";

const EMIT = "select * from chiron.emit($1::json, $2, $3)";
const GET = "select value, emitted_at from chiron.find_event($1)";

interface EmittedRow {
  readonly n: number;
  readonly first: boolean;
  readonly woken: readonly { readonly run_id: RunId; readonly task_id: TaskId; readonly queue: string }[];
}

export function createEvents(session: Session): EventTransitions {
  const emit = createMethod<EmitRequest, EmittedRow, Emitted>(session, {
    sql: EMIT,
    resend: true,
    values: (members, again, ticket) => [members, ticket, again],
    pack: (event) => {
      const { value, fate } = packValue(event.payload);
      return { name: packText(event.name), payload: value, fate };
    },
    answer: ([row]) => ({
      first: row!.first,
      woken: row!.woken.map(({ run_id, task_id, queue }) => ({ runId: run_id, taskId: task_id, queue })),
    }),
  });
  return {
    emit: (events) => emit(events, { keys: [...new Set(events.map(({ name }) => eventKey(name)))] }),
    async get(name) {
      const rows = await session.sender.read<{ value: JsonText; emitted_at: number }>(GET, [packText(name)]);
      return rows[0] ? { name, payload: rows[0].value, emittedAt: rows[0].emitted_at } : null;
    },
  };
}
