// WEBHOOKS of a workflow -> checked entries in one normal form (reference behaviour, sections 6.2 to 6.4; decision D1). A bad spec
// disables that webhook alone and becomes a problem; verifying deliveries is left to src/webhooks.
import { nearest } from "../../core/nearest.ts";
import type { DiscoveredWorkflow } from "../../ports/host.ts";
import type { WebhookAuth } from "../../webhooks/auth.ts";
import type { FilterNode } from "../../webhooks/filter.ts";
import type { TriggerKey, WebhookSpec } from "../../webhooks/spec.ts";
import type { WebhookEntry } from "../catalog.ts";
import {
  type DeclarationProblem,
  error,
  type Fields,
  type Flaw,
  ID_PATTERN,
  isFields,
  problemOf,
  shown,
  warning,
} from "./problem.ts";
import { readAuth } from "./webhook-auth.ts";
import { readFilter } from "./webhook-filter.ts";

export type CheckedWebhook = WebhookEntry & { readonly spec: WebhookSpec & Fields };

type Declaring = Pick<DiscoveredWorkflow, "workflowName" | "sourcePath" | "webhooks">;
type Owner = Pick<WebhookEntry, "workflowName" | "sourcePath">;

const FIELDS = ["slug", "provider", "auth", "trigger_key", "allowed_methods", "allowed_content_types", "filter"];
const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$/;
const MEDIA_TYPE = /^[a-z0-9!#$&^_.+-]+\/[a-z0-9!#$&^_.+*-]+$/;

/** The webhooks a workflow declares. `taken`: slugs of workflows read before it, whose owners keep them. */
export function webhooksOf(
  workflow: Declaring,
  taken: ReadonlyMap<string, Owner>,
): { readonly entries: readonly CheckedWebhook[]; readonly problems: readonly DeclarationProblem[] } {
  const entries = new Map<string, CheckedWebhook>();
  const problems: DeclarationProblem[] = [];
  for (const [index, declared] of asList(workflow.webhooks).entries()) {
    const { spec, flaws } = readWebhook(declared, index);
    for (const flaw of flaws) problems.push(problemOf(workflow, "webhook", flaw));
    if (spec === null) continue;
    const owner = taken.get(spec.slug) ?? entries.get(spec.slug);
    if (owner) {
      const message = `webhook ${shown(spec.slug)}: the slug is taken by ${owner.workflowName} (${owner.sourcePath}), which keeps it`;
      problems.push(problemOf(workflow, "webhook", error(message, "Give this webhook a slug of its own.")));
      continue;
    }
    const { workflowName, sourcePath } = workflow;
    entries.set(spec.slug, { slug: spec.slug, provider: spec.provider, workflowName, sourcePath, spec: { ...spec } });
  }
  return { entries: [...entries.values()], problems };
}

function asList(webhooks: unknown): readonly unknown[] {
  if (Array.isArray(webhooks)) return webhooks;
  return webhooks === null || webhooks === undefined ? [] : [webhooks];
}

/** One spec. Errors leave it null; warnings do not. */
export function readWebhook(
  declared: unknown,
  index = 0,
): { readonly spec: WebhookSpec | null; readonly flaws: readonly Flaw[] } {
  // Older hosts wrap the spec with the workflow's name and path.
  const value = isFields(declared) && isFields(declared["spec"]) && !("slug" in declared) ? declared["spec"] : declared;
  const label = `webhook ${isFields(value) && typeof value["slug"] === "string" ? shown(value["slug"]) : `number ${index + 1}`}`;
  const flaws: Flaw[] = [];
  const refuse = (flaw: Flaw) => flaws.push({ ...flaw, message: `${label}: ${flaw.message}` });
  if (!isFields(value)) {
    refuse(error(`is ${shown(value)}, not a dict`, 'Write: {"slug": "my-hook", "auth": {...}}'));
    return { spec: null, flaws };
  }
  const slug = readSlug(value["slug"]);
  const auth = readAuth(value["auth"]);
  const key = readTriggerKey(value["trigger_key"]);
  const methods = readList(value["allowed_methods"], ["POST"], (text) => text.toUpperCase());
  const types = readList(value["allowed_content_types"], ["application/json"], mediaType);
  const filter =
    value["filter"] === undefined || value["filter"] === null ? { value: null } : readFilter(value["filter"]);
  for (const part of [slug, auth, key, filter]) if ("flaw" in part) refuse(part.flaw);
  if (!methods?.every((method) => METHODS.includes(method))) {
    refuse(error("allowed_methods is not a list of HTTP methods", 'Write: "allowed_methods": ["POST"]'));
  }
  if (!types?.every((type) => MEDIA_TYPE.test(type))) {
    refuse(
      error(
        "allowed_content_types is not a list of media types",
        'Write: "allowed_content_types": ["application/json"]',
      ),
    );
  }
  const provider = value["provider"] ?? null;
  if (provider !== null && typeof provider !== "string")
    refuse(error("provider is not a string", 'Write: "provider": "github"'));
  for (const flaw of unknownFields(value)) refuse(flaw);
  if (flaws.some((flaw) => flaw.severity === "error")) return { spec: null, flaws };
  return { spec: assemble({ slug, auth, key, filter }, provider as string | null, methods!, types!), flaws };
}

function assemble(
  read: Record<"slug" | "auth" | "key" | "filter", { readonly value: unknown } | { readonly flaw: Flaw }>,
  provider: string | null,
  methods: readonly string[],
  types: readonly string[],
): WebhookSpec {
  const valueOf = <T>(part: { readonly value: unknown } | { readonly flaw: Flaw }) => (part as { value: T }).value;
  return {
    slug: valueOf<string>(read.slug),
    provider,
    auth: valueOf<WebhookAuth>(read.auth),
    trigger_key: valueOf<TriggerKey | null>(read.key),
    allowed_methods: methods,
    allowed_content_types: types,
    filter: valueOf<FilterNode | null>(read.filter),
  };
}

function readSlug(value: unknown): { readonly value: string } | { readonly flaw: Flaw } {
  const fix = 'Write a slug of lower-case letters, digits, ".", "_" and "-": "slug": "github-issue-triage"';
  if (typeof value !== "string" || value.trim() === "") return { flaw: error("has no slug", fix) };
  const slug = value.trim();
  return ID_PATTERN.test(slug) ? { value: slug } : { flaw: error(`the slug ${shown(slug)} is not allowed`, fix) };
}

function readTriggerKey(value: unknown): { readonly value: TriggerKey | null } | { readonly flaw: Flaw } {
  const fix = 'Write: "trigger_key": {"type": "header", "name": "X-GitHub-Delivery"}';
  if (value === undefined || value === null) return { value: null };
  if (!isFields(value)) return { flaw: error("trigger_key is not a dict", fix) };
  const header = value["header"] ?? value["name"];
  const type = value["type"] ?? (header === undefined ? "static" : "header");
  if (type === "header") {
    if (typeof header !== "string" || !HEADER_NAME.test(header.trim())) {
      return { flaw: error("trigger_key names no header", fix) };
    }
    return { value: { type, header: header.trim() } };
  }
  if (type !== "static") return { flaw: error("trigger_key has a type that is neither header nor static", fix) };
  const fixed = value["value"];
  if (typeof fixed !== "string" || fixed.trim() === "") {
    return {
      flaw: error(
        "trigger_key of type static has no value",
        'Write: "trigger_key": {"type": "static", "value": "one"}',
      ),
    };
  }
  return { value: { type, value: fixed } };
}

/** The list normalised, one string as a list of one, null when it is neither. An empty list would refuse every delivery. */
function readList(value: unknown, fallback: readonly string[], normal: (text: string) => string): string[] | null {
  if (value === undefined || value === null) return [...fallback];
  const items: unknown[] = Array.isArray(value) ? value : [value];
  if (items.length === 0 || !items.every((item) => typeof item === "string")) return null;
  return [...new Set((items as string[]).map((item) => normal(item.trim())))];
}

function mediaType(text: string): string {
  return text.split(";")[0]!.trim().toLowerCase();
}

function unknownFields(spec: Fields): Flaw[] {
  return Object.keys(spec)
    .filter((name) => !FIELDS.includes(name) && name !== "workflow_name" && name !== "source_path")
    .map((name) => {
      const [near] = nearest(name, FIELDS, 1);
      return warning(
        `the field ${shown(name)} is not known and has no effect`,
        near ? `Did you mean "${near}"?` : "Remove it.",
      );
    });
}
