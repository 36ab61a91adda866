// What the API needs of the rest of the process, as one object that the composition root fills.
import type { HttpBindings } from "@hono/node-server";
import type { Bus } from "../core/bus.ts";
import type { Concurrency } from "../core/queues.ts";
import type { Secret } from "../core/redaction.ts";
import type { RequestTracer } from "../core/request-tracer.ts";
import type { CallTool } from "../catalog/call-tool.ts";
import type { CatalogView } from "../catalog/catalog.ts";
import type { ButtonValues } from "../effects/slack/button-values.ts";
import type { Engine } from "../engine/contract.ts";
import type { TimeWalk } from "../engine/time-walk.ts";
import type { ScheduleControl } from "../engine/schedules/contract.ts";
import type { Clock } from "../ports/clock.ts";
import type { Store } from "../ports/store.ts";
import type { Replays } from "../replay/replays.ts";
import type { Rejections } from "../webhooks/rejections.ts";
import type { PageFiles } from "./page-files.ts";

export interface AuthSettings {
  /** Admin keys from the environment (CHIRON_API_KEY, CENTAUR_API_KEY); a blank one counts as unset (decision D13). */
  readonly envKeys: readonly string[];
  /** Whether the server is bound to a loopback address only: the one case in which it may be open without a key. */
  readonly loopbackOnly: boolean;
  /** Host names beside the loopback ones that requests may name; with a port, only that port. */
  readonly hosts: readonly string[];
}

/** What the webhook endpoint needs beside the catalog. */
export interface WebhookAccess {
  /** A secret by the name of its variable. */
  readonly secret: (name: string) => string | undefined;
  /** Where senders find this server; null: as each request says. */
  readonly publicUrl: string | null;
  readonly trustForwarded: boolean;
  readonly rejections: Rejections;
}

/** What explains why a run waits although it is due. */
export interface RunLimits {
  readonly allows: (workflowName: string) => boolean;
  readonly concurrency: Concurrency;
  readonly leaseMs: number;
  readonly renewMs: number;
}

export interface ApiDeps {
  readonly store: Store;
  readonly engine: Engine;
  readonly schedules: ScheduleControl;
  readonly catalog: CatalogView;
  readonly webhooks: WebhookAccess;
  /** Absent where no tool can be called. */
  readonly callTool?: CallTool;
  /** Reads and makes what buttons in Slack carry; absent where there is no key for it. */
  readonly buttons?: ButtonValues | null;
  /** Absent where no code is loaded to replay on. */
  readonly replays?: Replays | undefined;
  readonly bus: Bus;
  readonly clock: Clock;
  /** What bundles must not carry away: the secrets of this process. */
  readonly secrets?: readonly Secret[];
  /** What the engine is set to; absent where nobody knows. */
  readonly limits?: RunLimits;
  /** Moves the clock; absent where time is real. */
  readonly time?: TimeWalk | undefined;
  readonly auth: AuthSettings;
  /** `project`: what the page is called by. */
  readonly info: { readonly version: string; readonly mode: string; readonly project?: string };
  /** The devtools page; absent where none is served. */
  readonly page?: PageFiles | undefined;
  /** Told of every request; absent where nobody traces. */
  readonly traceRequest?: RequestTracer | undefined;
  /** What the process itself still waits for; the API adds the store and the catalog. */
  ready(): { readonly ok: boolean; readonly reasons: readonly string[] };
}

/** What a request brings beside itself. Empty for a request made inside the process (`app.request`). */
export interface Bindings extends Partial<HttpBindings> {
  /** Aborts when the server closes: ends the streams. */
  closing?: AbortSignal;
  /** True for the process's own requests: whoever can open the store's file needs no key. Never set for what came over a socket. */
  inside?: true;
}
