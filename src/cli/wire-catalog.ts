// The catalog as the API answers it.

export interface WireWorkflow {
  readonly workflow_name: string;
  readonly description: string | null;
  readonly source_path: string;
  /** False while an older version serves. */
  readonly current: boolean;
  readonly input_schema: unknown;
}

export interface WireProblem {
  readonly path: string;
  readonly line: number | null;
  readonly kind: string;
  readonly message: string;
  readonly severity: "error" | "warning";
  readonly workflow_name?: string | null;
}

export interface WireSchedule {
  readonly schedule_id: string;
  readonly workflow_name: string;
  readonly kind: { readonly type: string; readonly interval_seconds?: number; readonly cron?: string };
  readonly timezone: string;
  readonly enabled: boolean;
}

export interface WireCatalog {
  readonly generation: string;
  readonly load_ms: number;
  readonly workflows: readonly WireWorkflow[];
  readonly problems: readonly WireProblem[];
  readonly webhooks: readonly { readonly slug: string; readonly workflow_name: string }[];
  readonly schedules: readonly WireSchedule[];
}
