// Puts the parts of a store together over a database that is ready.
import type { Store } from "../../src/ports/store.ts";
import { createAdmin, type About } from "./admin.ts";
import { createClaims } from "./claims.ts";
import { createDeliveries } from "./deliveries.ts";
import { createEffectStore } from "./effects.ts";
import { createCode } from "./code.ts";
import { closed } from "./errors.ts";
import { createEvents } from "./events.ts";
import { createFork } from "./forks.ts";
import { createImports } from "./imports.ts";
import { createInsight } from "./insight.ts";
import { createKeys } from "./keys.ts";
import type { Listener } from "./listener.ts";
import { createLogs } from "./logs.ts";
import { createProgress } from "./progress.ts";
import { createReads } from "./reads.ts";
import { createSchedules } from "./schedules.ts";
import type { Session } from "./session.ts";
import { createTasks } from "./tasks.ts";

/** `end` closes the connections. */
export function buildStore(ground: Session, about: About, listener: Listener, end: () => Promise<void>): Store {
  let open = true;
  const { sender, location } = ground;
  const read: typeof sender.read = async (sql, values) => {
    if (!open) throw closed(location);
    return sender.read(sql, values);
  };
  const session: Session = { ...ground, sender: { ...sender, read } };
  const admin = createAdmin(session, about, () => {
    open = false;
    return end();
  });
  return {
    tasks: { ...createTasks(session), fork: createFork(session) },
    claims: createClaims(session, listener),
    progress: createProgress(session, listener),
    events: createEvents(session),
    reads: createReads(session),
    logs: createLogs(session),
    keys: createKeys(session),
    schedules: createSchedules(session),
    code: createCode(session),
    deliveries: createDeliveries(session),
    effects: createEffectStore(session),
    insight: createInsight(session),
    imports: createImports(session),
    admin,
  };
}
