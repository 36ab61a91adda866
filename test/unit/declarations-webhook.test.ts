// WEBHOOKS as files write them -> entries in one form, and problems that disable one webhook alone.
import { describe, expect, test } from "vitest";
import { webhooksOf } from "../../src/catalog/declarations/webhook.ts";

const workflow = (...webhooks: unknown[]) => ({ workflowName: "triage", sourcePath: "/w/triage.py", webhooks });
const read = (...webhooks: unknown[]) => webhooksOf(workflow(...webhooks), new Map());
const spec = (declared: Record<string, unknown>) => {
  const { entries, problems } = read({ slug: "hook", ...declared });
  expect(problems.filter((problem) => problem.severity === "error")).toEqual([]);
  return entries[0]!.spec;
};
const errorOf = (declared: Record<string, unknown>) => {
  const { entries, problems } = read({ slug: "hook", ...declared });
  expect(entries).toEqual([]);
  return problems.find((problem) => problem.severity === "error")!.message;
};

describe("webhooksOf", () => {
  test("the guide's webhook and the reference's spelling give the same entry (conformance 74)", () => {
    const secret_ref = "GITHUB_WEBHOOK_SECRET";
    const guide = spec({
      auth: { type: "github_hmac", secret_ref },
      trigger_key: { type: "header", name: "X-GitHub-Delivery" },
    });
    const reference = spec({
      auth: { type: "github", secret_ref },
      trigger_key: { type: "header", header: "X-GitHub-Delivery" },
    });
    expect(guide).toEqual(reference);
    expect(guide.auth).toEqual({ type: "github", secret_ref });
    expect(guide.trigger_key).toEqual({ type: "header", header: "X-GitHub-Delivery" });
  });

  test("every field that is left out has its default", () => {
    expect(read({ slug: " hook " }).entries).toEqual([
      {
        slug: "hook",
        provider: null,
        workflowName: "triage",
        sourcePath: "/w/triage.py",
        spec: {
          slug: "hook",
          provider: null,
          auth: { type: "none" },
          trigger_key: null,
          allowed_methods: ["POST"],
          allowed_content_types: ["application/json"],
          filter: null,
        },
      },
    ]);
  });

  test("hmac takes its header, prefix and encoding, an empty prefix included", () => {
    const declared = {
      type: "hmac",
      secret_ref: "S",
      signature_header: "X-Sig",
      signature_prefix: "",
      encoding: "base64",
    };
    expect(spec({ auth: declared }).auth).toEqual({ ...declared, algorithm: "sha256" });
    expect(spec({ auth: { type: "hmac", secret_ref: "S" } }).auth).toEqual({
      type: "hmac",
      secret_ref: "S",
      signature_header: "X-Webhook-Signature",
      signature_prefix: "sha256=",
      encoding: "hex",
      algorithm: "sha256",
    });
  });

  test.each([[undefined], [null], ["none"], [" None "], [{}], [{ type: "none" }], [{ type: null }]])(
    "auth %j means none",
    (auth) => expect(spec({ auth }).auth).toEqual({ type: "none" }),
  );

  test.each([
    [{ secret_ref: "S" }],
    [{ type: "none", secret_ref: "S" }],
    ["hmac"],
    [{ type: "hmac", secret_ref: "  " }],
    [{ type: "oauth", secret_ref: "S" }],
    [{ type: "hmac", secret_ref: "S", algorithm: "md5" }],
    [{ type: "hmac", secret_ref: "S", encoding: "utf-8" }],
    [7],
    [["hmac"]],
  ])("auth %j is refused and never served open", (auth) => {
    expect(errorOf({ auth })).toContain('webhook "hook"');
  });

  test("a secret put in place of its name is not repeated in the message", () => {
    expect(errorOf({ auth: { type: "hmac", secret_ref: "s3cr3t-value!" } })).not.toContain("s3cr3t");
  });

  test("an object of the first version, without a type, is told by its fields", () => {
    expect(spec({ auth: { secret_ref: "S", signature_header: "X-Sig" } }).auth).toMatchObject({ type: "hmac" });
    expect(spec({ auth: { secret_ref: "S", header: "X-Token", scheme: "Token" } }).auth).toEqual({
      type: "bearer",
      secret_ref: "S",
      header: "X-Token",
      scheme: "Token",
    });
    expect(spec({ trigger_key: { header: "X-Id" } }).trigger_key).toEqual({ type: "header", header: "X-Id" });
  });

  test("a bad webhook disables itself alone and says path, workflow and reason (conformance 84)", () => {
    const { entries, problems } = read({ slug: "one" }, { slug: "Bad Slug" }, "text", { slug: "two" });
    expect(entries.map((entry) => entry.slug)).toEqual(["one", "two"]);
    expect(problems).toMatchObject([
      { path: "/w/triage.py", kind: "webhook", severity: "error", workflowName: "triage" },
      { message: 'webhook number 3: is "text", not a dict' },
    ]);
  });

  test("a slug stays with the workflow that had it first", () => {
    const first = read({ slug: "hook" }, { slug: "hook" });
    expect(first.entries).toHaveLength(1);
    expect(first.problems[0]!.message).toContain("is taken by triage");
    const taken = new Map([["hook", { workflowName: "older", sourcePath: "/w/older.py" }]]);
    const second = webhooksOf(workflow({ slug: "hook" }), taken);
    expect(second.entries).toEqual([]);
    expect(second.problems[0]!.message).toContain("is taken by older (/w/older.py)");
  });

  test("methods and content types are normalised; one string is a list of one", () => {
    const got = spec({
      allowed_methods: "post",
      allowed_content_types: ["Application/JSON; charset=utf-8", "text/plain"],
    });
    expect(got.allowed_methods).toEqual(["POST"]);
    expect(got.allowed_content_types).toEqual(["application/json", "text/plain"]);
    expect(errorOf({ allowed_methods: [] })).toContain("allowed_methods");
    expect(errorOf({ allowed_methods: ["BREW"] })).toContain("allowed_methods");
    expect(errorOf({ allowed_content_types: ["json"] })).toContain("allowed_content_types");
  });

  test("a filter is taken over as it is, and a malformed one is named to the node", () => {
    const leaf = { source: "body", key: "action", op: "in", values: ["opened"] };
    const filter = { any: [leaf, { all: [{ source: "header", key: "X-E", op: "prefix", value: "i" }] }] };
    expect(spec({ filter }).filter).toEqual(filter);
    expect(errorOf({ filter: { any: [leaf, { ...leaf, op: "like" }] } })).toContain("filter.any[1].op");
    expect(errorOf({ filter: { any: [leaf], all: [leaf] } })).toContain("exactly one");
    expect(errorOf({ filter: { any: [] } })).toContain("filter.any");
    let deep: unknown = leaf;
    for (let level = 0; level < 40; level += 1) deep = { all: [deep] };
    expect(errorOf({ filter: deep })).toContain("nested deeper");
  });

  test("a misspelt field is a warning that names the field meant", () => {
    const { entries, problems } = read({ slug: "hook", trigger_keys: {} });
    expect(entries).toHaveLength(1);
    expect(problems).toMatchObject([{ severity: "warning", fix: 'Did you mean "trigger_key"?' }]);
  });

  test("the wrapped form of older hosts is unwrapped", () => {
    const { entries } = read({ workflow_name: "triage", source_path: "/w/triage.py", spec: { slug: "hook" } });
    expect(entries[0]!.slug).toBe("hook");
  });
});
