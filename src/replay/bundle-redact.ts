// Makes a bundle that may leave: secrets and personal data become stand-ins, the same value the same stand-in everywhere, so that the run
// still makes sense. What was replaced is listed by place, without the values. Names of steps and workflows stay, because replays need them.
import { createMask, type Secret } from "../core/redaction.ts";
import type { JsonText } from "../core/json-text.ts";
import { sha256Of } from "../core/source-code.ts";
import type { Failure } from "../ports/store-types.ts";
import { createFakes, type Fakes } from "../webhooks/fakes.ts";
import type { Bundle, BundleParts, Replaced } from "./bundle.ts";
import { diffJson } from "./json-diff.ts";

/** `secrets` are the values that the exporting process knows as its own. */
export function redactBundle(bundle: Bundle, secrets: readonly Secret[]): Bundle {
  const redaction = new Redaction(createFakes(secrets));
  const { parts } = bundle;
  // Twice, because a name that is learnt late stands in earlier values too; the second pass finds every one.
  rewrite(parts, redaction);
  redaction.replaced.length = 0;
  const rewritten = rewrite(parts, redaction);
  const code = maskCode(parts, secrets, redaction);
  return {
    about: { ...bundle.about, redacted: true, replaced: redaction.replaced },
    parts: { ...rewritten, ...code },
  };
}

class Redaction {
  readonly replaced: Replaced[] = [];
  readonly #fakes: Fakes;

  constructor(fakes: Fakes) {
    this.#fakes = fakes;
  }

  json<T extends JsonText | null>(where: string, value: T): T {
    if (value === null) return value;
    const next = this.#fakes.body(value, "application/json") as JsonText;
    if (next === value) return value;
    this.replaced.push({ where, paths: diffJson(value, next).changes.map(({ path }) => path) });
    return next as T;
  }

  text<T extends string | null | undefined>(where: string, field: string, value: T): T {
    if (value === null || value === undefined) return value;
    const next = this.#fakes.value(field, value);
    if (next !== value) this.replaced.push({ where, paths: [] });
    return next as T;
  }

  body(where: string, base64: string, headers: JsonText): string {
    const bytes = Buffer.from(base64, "base64");
    const text = bytes.toString("utf8");
    // What is no text cannot be looked through, so it does not leave.
    const next = Buffer.from(text).equals(bytes) ? this.#fakes.body(text, mediaTypeOf(headers)) : "";
    if (next !== text) this.replaced.push({ where, paths: [] });
    return Buffer.from(next).toString("base64");
  }

  failure(where: string, failure: Failure | null): Failure | null {
    if (failure === null) return null;
    const { message, traceback } = failure;
    return {
      ...failure,
      message: this.text(`${where}.message`, "message", message),
      ...(traceback === undefined ? {} : { traceback: this.text(`${where}.traceback`, "traceback", traceback) }),
    };
  }
}

function mediaTypeOf(headers: JsonText): string {
  const value = (JSON.parse(headers) as Record<string, unknown>)["content-type"];
  const first = Array.isArray(value) ? (value[0] as unknown) : value;
  return typeof first === "string" ? first.split(";")[0]!.trim().toLowerCase() : "";
}

function rewrite(parts: BundleParts, r: Redaction): BundleParts {
  const at = (part: string, index: number, field: string): string => `${part}[${index}].${field}`;
  return {
    ...parts,
    task: parts.task.map((task) => ({
      ...task,
      input: r.json("task.input", task.input),
      output: r.json("task.output", task.output),
      idempotencyKey: r.text("task.idempotencyKey", "key", task.idempotencyKey),
    })),
    runs: parts.runs.map((run, n) => ({ ...run, failure: r.failure(at("runs", n, "failure"), run.failure) })),
    checkpoints: parts.checkpoints.map((row, n) => ({
      ...row,
      value: r.json(at("checkpoints", n, "value"), row.value),
    })),
    waits: parts.waits.map((row, n) => ({ ...row, target: r.text(at("waits", n, "target"), "target", row.target) })),
    events: parts.events.map((row, n) => ({
      ...row,
      name: r.text(at("events", n, "name"), "target", row.name),
      payload: r.json(at("events", n, "payload"), row.payload),
    })),
    logs: parts.logs.map((row, n) => ({
      ...row,
      message: r.text(at("logs", n, "message"), "message", row.message),
      fields: r.json(at("logs", n, "fields"), row.fields),
    })),
    effects: parts.effects.map((row, n) => ({
      ...row,
      target: r.text(at("effects", n, "target"), "target", row.target),
      request: r.json(at("effects", n, "request"), row.request),
      answer: r.json(at("effects", n, "answer"), row.answer),
      progress: r.json(at("effects", n, "progress"), row.progress),
      error: r.text(at("effects", n, "error"), "error", row.error),
    })),
    deliveries: parts.deliveries.map((row, n) => {
      const body = r.body(at("deliveries", n, "body"), row.body, row.headers);
      const bytes = Buffer.from(body, "base64");
      return {
        ...row,
        url: r.text(at("deliveries", n, "url"), "url", row.url),
        headers: r.json(at("deliveries", n, "headers"), row.headers),
        checks: r.json(at("deliveries", n, "checks"), row.checks),
        sourceIp: r.text(at("deliveries", n, "sourceIp"), "ip", row.sourceIp),
        key: r.text(at("deliveries", n, "key"), "key", row.key),
        body,
        bodySize: bytes.length,
        bodySha256: body === row.body ? row.bodySha256 : sha256Of(bytes),
      };
    }),
  };
}

/** Code stays as it is, but for the secrets that are known: a file that holds one gets another content, and so another hash. */
function maskCode(
  { generations, sources }: BundleParts,
  secrets: readonly Secret[],
  { replaced }: Redaction,
): Pick<BundleParts, "generations" | "sources"> {
  const mask = createMask(secrets);
  const hashes = new Map<string, string>();
  const masked = sources.map((source) => {
    const text = Buffer.from(source.content, "base64").toString("utf8");
    const next = mask(text);
    if (next === text) return source;
    const content = Buffer.from(next);
    hashes.set(source.sha256, sha256Of(content));
    replaced.push({ where: `sources ${source.sha256}`, paths: [] });
    return { ...source, sha256: sha256Of(content), content: content.toString("base64") };
  });
  const renamed = (files: Readonly<Record<string, string>>): Record<string, string> =>
    Object.fromEntries(Object.entries(files).map(([path, sha256]) => [path, hashes.get(sha256) ?? sha256]));
  return { generations: generations.map((one) => ({ ...one, files: renamed(one.files) })), sources: masked };
}
