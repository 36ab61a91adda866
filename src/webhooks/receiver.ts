// Takes one delivery from its bytes to its answer: judges it, has it recorded with its run, and answers as reference behaviour, section 6.1
// says. 2xx goes out after the commit and not before. Reading the bytes from the wire is src/http's matter.
import type { JsonText } from "../core/json-text.ts";
import { toJsonText } from "../core/json-text.ts";
import type { ReceivedDelivery, Recorded } from "../ports/store-deliveries.ts";
import { providerOf } from "./auth.ts";
import { queryOf, redactHeaders, REDACTED } from "./envelope.ts";
import { judge, secretParameters, type Judgement, type Outcome } from "./judge.ts";
import type { HookRequest } from "./provider.ts";
import { KEPT_BYTES, type Rejections } from "./rejections.ts";
import type { WebhookSpec } from "./spec.ts";

export interface Hook {
  readonly workflowName: string;
  readonly spec: WebhookSpec;
}

export interface ReceiverDeps {
  readonly find: (slug: string) => Hook | undefined;
  /** A secret by the name of its variable. */
  readonly secret: (name: string) => string | undefined;
  /** The engine's time, which a person may have moved. */
  readonly nowMs: () => number;
  /** The time of the world, in which senders sign. */
  readonly worldMs: () => number;
  readonly newId: () => string;
  /** Keeps a delivery, with the run it starts; rejects with ChironError when the workflow may not run or the store cannot commit. */
  readonly record: (
    delivery: ReceivedDelivery & { readonly body: Buffer },
    input: JsonText | null,
  ) => Promise<Recorded>;
  readonly rejections: Rejections;
  /** Told of every delivery to a known slug, once it is decided. */
  readonly told: (delivery: Told) => void;
}

export interface Told {
  readonly deliveryId: string;
  readonly slug: string;
  readonly workflowName: string;
  readonly outcome: "accepted" | "duplicate" | "filtered" | "handshake" | "rejected";
  readonly status: number;
  readonly taskId: string | null;
  /** What the owner should know: why it was rejected or filtered, or that a repeated key came with other bytes. */
  readonly remark: string | null;
}

export interface Arrived {
  readonly slug: string;
  readonly request: HookRequest;
  readonly bodySha256: (body: Buffer) => string;
  readonly sourceIp: string | null;
}

export interface Answered {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** By which its owner finds it; absent for an unknown slug. */
  readonly deliveryId?: string;
}

const JSON_TYPE = "application/json";
/** After a missing secret was set the process has to be told: a sender that repeats within seconds gains nothing. */
const RETRY_AFTER_S = "60";

export async function receive(deps: ReceiverDeps, arrived: Arrived): Promise<Answered> {
  const { slug, request, sourceIp } = arrived;
  const hook = deps.find(slug);
  if (!hook) return refusal(404, "webhook not found", "not_found");
  const judgement = judge(hook.spec, request, { secret: deps.secret, nowMs: deps.worldMs(), sourceIp });
  const deliveryId = deps.newId();
  const { outcome } = judgement;
  if (outcome.kind === "rejected") return { ...reject(deps, hook, arrived, judgement, deliveryId), deliveryId };
  const delivery = deliveryOf(deps, hook, arrived, judgement, deliveryId, outcome);
  const recorded = await deps.record(delivery, outcome.kind === "accepted" ? outcome.input : null);
  const answered = answerTo(outcome, hook, recorded);
  deps.told({
    deliveryId,
    slug,
    workflowName: hook.workflowName,
    status: answered.status,
    ...remarkOn(outcome, recorded),
  });
  return { ...answered, deliveryId };
}

function remarkOn(outcome: Outcome, { enqueued, sameBody }: Recorded): Pick<Told, "outcome" | "taskId" | "remark"> {
  if (outcome.kind === "filtered") return { outcome: "filtered", taskId: null, remark: outcome.why };
  if (outcome.kind === "handshake") return { outcome: "handshake", taskId: null, remark: outcome.answer.name };
  return {
    outcome: enqueued?.created ? "accepted" : "duplicate",
    taskId: enqueued?.taskId ?? null,
    remark: sameBody ? null : "its key was used before, with other bytes: the first delivery stands",
  };
}

function answerTo(outcome: Outcome, hook: Hook, { enqueued }: Recorded): Answered {
  if (outcome.kind === "handshake") {
    const { status, contentType, body } = outcome.answer;
    return { status, contentType, body };
  }
  if (outcome.kind === "filtered") return { status: 200, contentType: JSON_TYPE, body: '{"ok":true,"filtered":true}' };
  const { runId, taskId, created } = enqueued!;
  const body = toJsonText({
    ok: true,
    run_id: runId,
    task_id: taskId,
    workflow_name: hook.workflowName,
    status: "queued",
    idempotent: !created,
  });
  return { status: created ? 202 : 200, contentType: JSON_TYPE, body };
}

const CODES = {
  400: "bad_request",
  401: "unauthenticated",
  405: "method_not_allowed",
  413: "too_large",
  503: "unavailable",
} as const;

function reject(deps: ReceiverDeps, hook: Hook, arrived: Arrived, judgement: Judgement, id: string): Answered {
  const { slug, request, sourceIp } = arrived;
  const { status, message } = judgement.outcome as Extract<Outcome, { readonly kind: "rejected" }>;
  deps.rejections.add({
    id,
    slug,
    receivedAt: deps.nowMs(),
    method: request.method,
    url: shownUrl(request.url, hook.spec),
    headers: shownHeaders(request, hook.spec),
    bodySize: request.body.length,
    body: request.body,
    sourceIp,
    status,
    message,
    checks: judgement.checks,
    signed:
      request.body.length > KEPT_BYTES ? null : { method: request.method, url: request.url, headers: request.headers },
    worldMs: deps.worldMs(),
  });
  const remark = judgement.checks.at(-1)?.detail ?? message;
  deps.told({
    deliveryId: id,
    slug,
    workflowName: hook.workflowName,
    outcome: "rejected",
    status,
    taskId: null,
    remark,
  });
  const headers =
    status === 405
      ? { allow: hook.spec.allowed_methods.join(", ") }
      : status === 503
        ? { "retry-after": RETRY_AFTER_S }
        : undefined;
  return refusal(status, message, CODES[status], headers);
}

function refusal(status: number, error: string, code: string, headers?: Readonly<Record<string, string>>): Answered {
  const body = toJsonText({ ok: false, error, code });
  return { status, contentType: JSON_TYPE, body, ...(headers ? { headers } : {}) };
}

function deliveryOf(
  deps: ReceiverDeps,
  hook: Hook,
  { slug, request, sourceIp, bodySha256 }: Arrived,
  judgement: Judgement,
  id: string,
  outcome: Exclude<Outcome, { readonly kind: "rejected" }>,
): ReceivedDelivery & { readonly body: Buffer } {
  return {
    id,
    slug,
    workflowName: hook.workflowName,
    receivedAt: deps.nowMs(),
    method: request.method.toUpperCase(),
    url: shownUrl(request.url, hook.spec),
    headers: toJsonText(shownHeaders(request, hook.spec)),
    bodySha256: bodySha256(request.body),
    bodySize: request.body.length,
    sourceIp,
    outcome: outcome.kind,
    checks: toJsonText(judgement.checks),
    key: outcome.kind === "accepted" ? outcome.key : null,
    body: request.body,
  };
}

function shownHeaders(request: HookRequest, spec: WebhookSpec): Record<string, string> {
  return redactHeaders(request.headers, providerOf(spec.auth)?.secretHeaders ?? []);
}

/** Path and query as they came, with secret parameters replaced. */
function shownUrl(url: string, spec: WebhookSpec): string {
  const { pathname, search } = new URL(url);
  const secret = secretParameters(spec);
  if (secret.length === 0 || Object.keys(queryOf(search, [])).every((name) => !secret.includes(name)))
    return pathname + search;
  const shown = new URLSearchParams(search);
  for (const name of secret) shown.set(name, REDACTED);
  return `${pathname}?${shown.toString()}`;
}
