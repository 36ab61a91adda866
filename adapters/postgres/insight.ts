// What tells a person why a run does not go on: claims of a queue, due runs before one, names of events around one.
import pg from "pg";
import type { RunId, TaskId } from "../../src/core/ids.ts";
import { LANE_LIMIT, type StoreInsight } from "../../src/ports/store-insight.ts";
import { packText } from "./codec.ts";
import type { Session } from "./session.ts";
import { unpackText } from "../rows/stored-text.ts";

const NEAR = `select name, chiron.ms(emitted_at) as emitted_at from (
  (select name, emitted_at from chiron.events where name < $1 order by name desc limit $2)
  union all (select name, emitted_at from chiron.events where name >= $1 order by name limit $2)) e order by name`;

const holdersOf = (queue: string): string => `select r.run_id, r.task_id, k.workflow_name, r.claimed_by,
    chiron.ms(r.claim_expires_at) as lease_until, chiron.ms(r.started_at) as started_at
  from absurd.${pg.escapeIdentifier(`r_${queue}`)} r left join chiron.tasks k on k.task_id = r.task_id
  where r.state = 'running' order by r.started_at, r.run_id limit ${LANE_LIMIT}`;
const aheadOf = (queue: string): string => `select count(*)::integer as ahead from (
  select 1 from absurd.${pg.escapeIdentifier(`r_${queue}`)} r where r.state in ('pending', 'sleeping')
    and (r.available_at, r.run_id) < (to_timestamp($1::double precision / 1000), $2::uuid) limit ${LANE_LIMIT}) d`;

interface HolderRow {
  readonly run_id: RunId;
  readonly task_id: TaskId;
  readonly workflow_name: string | null;
  readonly claimed_by: string | null;
  readonly lease_until: number | null;
  readonly started_at: number | null;
}

export function createInsight({ sender, queues }: Session): StoreInsight {
  return {
    async lane(queue, { runId, availableAt }) {
      if (!queues.has(queue)) return { holders: [], ahead: 0 };
      const rows = await sender.read<HolderRow>(holdersOf(queue), []);
      const holders = rows.map((row) => {
        const claimedBy = unpackText(row.claimed_by ?? "");
        return {
          runId: row.run_id,
          taskId: row.task_id,
          workflowName: unpackText(row.workflow_name ?? ""),
          owner: claimedBy.includes(":") ? claimedBy.slice(0, claimedBy.lastIndexOf(":")) : claimedBy,
          leaseUntil: row.lease_until ?? 0,
          startedAt: row.started_at,
        };
      });
      if (availableAt === null) return { holders, ahead: 0 };
      const [counted] = await sender.read<{ ahead: number }>(aheadOf(queue), [availableAt, runId]);
      return { holders, ahead: counted!.ahead };
    },
    async eventsNear(name, limit) {
      const rows = await sender.read<{ name: string; emitted_at: number }>(NEAR, [packText(name), limit]);
      return rows.map((row) => ({ name: unpackText(row.name), emittedAt: row.emitted_at }));
    },
  };
}
