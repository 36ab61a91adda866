// Puts the parts of a store together over a connection that is ready: its own, prepared statements and all.
import { BATCH_SIZES, Histogram } from "../../src/core/histogram.ts";
import type { Store } from "../../src/ports/store.ts";
import { createAdmin } from "./admin.ts";
import { createClaims } from "./claims.ts";
import { createCode } from "./code.ts";
import { CommitQueue } from "./commit-queue.ts";
import { createDeliveries } from "./deliveries.ts";
import { createEffectStore } from "./effects.ts";
import { createEndings } from "./endings.ts";
import { createEvents } from "./events.ts";
import { createImports } from "./imports.ts";
import { createFork } from "./forks.ts";
import { createInsight } from "./insight.ts";
import { createKeys } from "./keys.ts";
import { createLogs } from "./logs.ts";
import { createProgress } from "./progress.ts";
import { createReads } from "./reads.ts";
import { createSchedules } from "./schedules.ts";
import { createRecorder } from "./recorder.ts";
import type { Session } from "./session.ts";
import { createTasks } from "./tasks.ts";
import { createWaiting } from "./waiting.ts";

/** `release` is called once the connection is closed. */
export function buildStore(ground: Omit<Session, "commits" | "claimSizes">, release: () => void): Store {
  const { db, clock, ids, location } = ground;
  const session: Session = {
    ...ground,
    commits: new CommitQueue(db, clock, location),
    claimSizes: new Histogram(BATCH_SIZES),
  };
  const recorder = createRecorder(db);
  const waiting = createWaiting(db, recorder);
  const endings = createEndings(db, ids, waiting);
  const parts = { recorder, waiting, endings };
  return {
    tasks: { ...createTasks(session, endings), fork: createFork(session) },
    claims: createClaims(session, parts),
    progress: createProgress(session, parts),
    events: createEvents(session, waiting),
    reads: createReads(session),
    logs: createLogs(session),
    keys: createKeys(session),
    schedules: createSchedules(session),
    code: createCode(session),
    deliveries: createDeliveries(session),
    effects: createEffectStore(session),
    insight: createInsight(session),
    imports: createImports(session),
    admin: createAdmin(session, release),
  };
}
