// The server's answers by name. Types only: nothing of the server is in the page.
import type { z } from "zod";
import type * as answers from "../../../src/http/answers.ts";
import type * as schedules from "../../../src/http/schedule-shapes.ts";
import type * as outbox from "../../../src/http/outbox.ts";

export type { Session } from "../../../src/http/session.ts";
export type { WireDelivery as Delivery, DeliveryPage } from "../../../src/http/deliveries.ts";
export type { WebhookList } from "../../../src/http/webhooks.ts";
export type { ClockReading } from "../../../src/http/clock.ts";

export type RunView = z.output<typeof answers.WorkflowRun>;
export type RunList = z.output<typeof answers.ListAnswer>;
export type RunAnswer = z.output<typeof answers.RunAnswer>;
export type ChildList = z.output<typeof answers.ChildrenAnswer>;
export type Failure = z.output<typeof answers.Failure>;
export type Checkpoints = z.output<typeof answers.CheckpointsAnswer>;
export type Checkpoint = Checkpoints["checkpoints"][number];
export type Wait = Checkpoints["waits"][number];
export type Attempts = z.output<typeof answers.AttemptsAnswer>;
export type Attempt = Attempts["attempts"][number];
export type Logs = z.output<typeof answers.LogsAnswer>;
export type LogLine = Logs["logs"][number];
export type Catalog = z.output<typeof answers.CatalogAnswer>;
export type Problem = Catalog["problems"][number];
export type Workflow = Catalog["workflows"][number];
export type Created = z.output<typeof answers.CreateAnswer>;
export type Effect = z.output<typeof outbox.OutboxEffect>;
export type EffectPage = z.output<typeof outbox.OutboxAnswer>;
export type RunEffects = z.output<typeof outbox.RunEffectsAnswer>;
export type EffectDetail = z.output<typeof outbox.EffectAnswer>;
export type ScheduleList = z.output<typeof schedules.SchedulesAnswer>;
export type ScheduleView = ScheduleList["schedules"][number];
export type ScheduleDetail = z.output<typeof schedules.ScheduleAnswer>;
export type Occurrences = z.output<typeof schedules.OccurrencesAnswer>;
