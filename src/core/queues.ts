// The reference's queues and which workflow names go where (reference behaviour, section 4.1).

export const WORKFLOW_QUEUES = [
  "centaur_workflows",
  "centaur_workflows_slack_live",
  "centaur_workflows_etl",
  "centaur_workflows_etl_backfill",
] as const;
export type QueueName = (typeof WORKFLOW_QUEUES)[number] | "centaur_workflow_schedules";

export const ALL_QUEUES: readonly QueueName[] = [...WORKFLOW_QUEUES, "centaur_workflow_schedules"];

const ETL = [
  "google_calendar_sync",
  "google_drive_sync",
  "linear_sync",
  "company_context_documents",
  "company_context_embeddings",
  "memory_generation",
  "slack_retention",
  "chief_of_staff_daily",
];

const ROUTES = new Map<string, QueueName>([
  ["slack_sync", "centaur_workflows_slack_live"],
  ...ETL.map((name): [string, QueueName] => [name, "centaur_workflows_etl"]),
  ["slack_backfill", "centaur_workflows_etl_backfill"],
  ["slack_archive_import", "centaur_workflows_etl_backfill"],
]);

/** The queue a workflow's tasks go to. A child is routed by its own name. */
export function queueOf(workflowName: string): QueueName {
  return ROUTES.get(workflowName) ?? "centaur_workflows";
}

/** How many runs of each queue one runtime works on at a time. */
export type Concurrency = Readonly<Record<QueueName, number>>;

export const DEFAULT_CONCURRENCY: Concurrency = {
  centaur_workflows: 4,
  centaur_workflows_slack_live: 1,
  centaur_workflows_etl: 1,
  centaur_workflows_etl_backfill: 1,
  centaur_workflow_schedules: 1,
};

/** The environment variable that sets a queue's concurrency; the slack lane is fixed at 1. */
export const CONCURRENCY_ENV: Readonly<Partial<Record<QueueName, string>>> = {
  centaur_workflows: "WORKFLOW_WORKER_CONCURRENCY",
  centaur_workflows_etl: "WORKFLOW_ETL_WORKER_CONCURRENCY",
  centaur_workflows_etl_backfill: "WORKFLOW_ETL_BACKFILL_WORKER_CONCURRENCY",
  centaur_workflow_schedules: "WORKFLOW_SCHEDULE_WORKER_CONCURRENCY",
};
