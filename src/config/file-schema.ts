// What chiron.toml may say: one strict object a section, so that a misspelt setting is named and not ignored.
import { z } from "zod";
import { agentsSchema } from "./agents.ts";
import { duration } from "./duration.ts";
import { outboxMembers } from "./effects-outbox.ts";
import { slackMembers } from "./effects-slack.ts";
import { recordingMembers } from "./effects-recordings.ts";
import { toolMembers } from "./effects-tools.ts";
import { replaySchema } from "./replay.ts";
import { schedulesSchema } from "./schedules.ts";
import { webhooksSchema } from "./webhooks.ts";
import { secretsSchema } from "./secrets.ts";

export const fileSchema = z.strictObject({
  project: z
    .strictObject({
      default_timezone: z.string().optional(),
      cron_dialect: z.enum(["unix", "quartz"]).optional(),
      v1_schedules: z.boolean().optional(),
    })
    .optional(),
  workflows: z.strictObject({ dirs: z.array(z.string()).optional(), walk_all: z.boolean().optional() }).optional(),
  server: z
    .strictObject({
      host: z.string().optional(),
      port: z.int().min(0).max(65_535).optional(),
      allowed_hosts: z.array(z.string()).optional(),
    })
    .optional(),
  store: z
    .strictObject({
      kind: z.enum(["sqlite", "postgres"]).optional(),
      path: z.string().optional(),
      synchronous: z.enum(["full", "normal"]).optional(),
      url: z.string().optional(),
      pool: z.int().min(1).max(200).optional(),
    })
    .optional(),
  engine: z
    .strictObject({
      max_attempts: z.int().min(1).max(1_000).optional(),
      retention: duration.optional(),
      lease: duration.optional(),
      grace: duration.optional(),
      code: z.enum(["newest", "pinned"]).optional(),
      concurrency: z.record(z.string(), z.int().min(1).max(10_000)).optional(),
    })
    .optional(),
  agents: agentsSchema.optional(),
  schedules: schedulesSchema.optional(),
  replay: replaySchema.optional(),
  webhooks: webhooksSchema.optional(),
  python: z
    .strictObject({ interpreter: z.string().optional(), processes: z.int().min(1).max(64).optional() })
    .optional(),
  effects: z.strictObject({ ...outboxMembers, ...slackMembers, ...toolMembers, ...recordingMembers }).optional(),
  secrets: secretsSchema.optional(),
});
export type ConfigFile = z.infer<typeof fileSchema>;
