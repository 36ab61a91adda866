// Bundles as files: what comes out is what went in, and a file that is not what it should be has a named error.
import { gunzipSync, gzipSync } from "node:zlib";
import fc from "fast-check";
import { beforeAll, expect, test } from "vitest";
import { ChironError } from "../../src/core/errors.ts";
import { sha256Of } from "../../src/core/source-code.ts";
import type { Bundle, PartName } from "../../src/replay/bundle.ts";
import { decodeBundle, encodeBundle } from "../../src/replay/bundle-file.ts";
import { bundlePage } from "../../src/replay/bundle-page.ts";
import { sleepingBundle } from "./bundle-fixture.ts";

let bundle: Bundle;
let file: Buffer;
beforeAll(async () => {
  bundle = await sleepingBundle();
  file = await encodeBundle(bundle);
});

const codeOf = (bytes: Uint8Array): Promise<string> =>
  decodeBundle(bytes).then(
    () => "none",
    (error: unknown) => (error instanceof ChironError ? error.code : String(error)),
  );
const lines = (): string[] => gunzipSync(file).toString().trimEnd().split("\n");

/** As somebody would write it who knows the format: with hashes that fit. */
function written(change: (head: Record<string, unknown>) => void, rows: readonly string[]): Buffer {
  const head = JSON.parse(lines()[0]!) as Record<string, unknown>;
  change(head);
  const body = [JSON.stringify(head), ...rows, ""].join("\n");
  return gzipSync(`${body}${JSON.stringify({ sha256: sha256Of(Buffer.from(body)) })}\n`);
}

/** The bundle with other rows in one part. */
const withRows = (part: PartName, rows: readonly unknown[]): Promise<Buffer> =>
  encodeBundle({ ...bundle, parts: { ...bundle.parts, [part]: rows } as Bundle["parts"] });

test("what is read is what was written, numbers and all", async () => {
  expect(await decodeBundle(file)).toEqual(bundle);
  expect(bundle.parts.task[0]!.input).toContain("9007199254740993");
  expect(bundle.parts.generations).toHaveLength(1);
  expect(bundle.parts.sources).toHaveLength(2);
});

test("every changed byte is refused, and every cut", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 10, max: file.length - 1 }),
      fc.integer({ min: 1, max: 255 }),
      async (at, by) => {
        const changed = Buffer.from(file);
        changed[at] = changed[at]! ^ by;
        expect(["bundle_tampered", "bundle_truncated", "bundle_invalid", "too_large"]).toContain(await codeOf(changed));
        expect(["bundle_truncated", "bundle_invalid"]).toContain(await codeOf(file.subarray(0, at)));
      },
    ),
    { numRuns: 60 },
  );
});

test("contents that were changed without their hash are told as tampered", async () => {
  const text = gunzipSync(file).toString();
  expect(await codeOf(gzipSync(text.replace("order.py:7", "order.py:8")))).toBe("bundle_tampered");
  expect(await codeOf(gzipSync(text.slice(0, -20)))).toBe("bundle_truncated");
});

test("a part whose hash does not fit is told, also where the whole fits", async () => {
  const rows = lines().slice(1, -1);
  const other = rows.map((row) => row.replace("order.py:7", "order.py:8"));
  expect(await codeOf(written(() => undefined, rows))).toBe("none");
  expect(await codeOf(written(() => undefined, other))).toBe("bundle_tampered");
});

test("a newer version is told as newer", async () => {
  expect(await codeOf(written((head) => (head["chiron_bundle"] = 2), []))).toBe("bundle_newer");
});

test.each<[string, () => Buffer]>([
  ["nothing", () => Buffer.alloc(0)],
  ["a text", () => Buffer.from("hello")],
  ["another gzip", () => gzipSync("hello\nworld\n")],
  ["another JSON", () => gzipSync('{"a":1}\n{}\n')],
])("%s is no bundle", async (_, bytes) => {
  expect(["bundle_invalid", "bundle_truncated"]).toContain(await codeOf(bytes()));
});

test("a small file that unpacks without end is refused before it has", async () => {
  const member = gzipSync(Buffer.alloc(4 * 1024 * 1024));
  const bomb = Buffer.concat(Array.from({ length: 150 }, () => member));
  expect(bomb.length).toBeLessThan(1024 * 1024);
  expect(await codeOf(bomb)).toBe("too_large");
});

test.each<[string, PartName, (row: Record<string, unknown>) => object]>([
  ["an id that is none", "task", (row) => ({ ...row, taskId: "../../etc/passwd" })],
  ["a state that is none", "task", (row) => ({ ...row, state: "resting" })],
  ["a value that is not JSON", "checkpoints", (row) => ({ ...row, value: "{" })],
  ["a value that is too deep", "checkpoints", (row) => ({ ...row, value: "[".repeat(600) + "]".repeat(600) })],
  ["a time that is none", "runs", (row) => ({ ...row, createdAt: -1 })],
  ["a path that climbs", "generations", (row) => ({ ...row, files: { "/app/../../etc/x.py": "0".repeat(64) } })],
  ["a hash that is none", "generations", (row) => ({ ...row, files: { "/app/x.py": "../x" } })],
  ["a text where a row belongs", "logs", () => ({ message: 5 })],
])("%s is refused", async (_, part, change) => {
  const [first] = bundle.parts[part] as unknown as Record<string, unknown>[];
  expect(await codeOf(await withRows(part, [change(first!)]))).toBe("bundle_invalid");
});

test("two tasks in one file are refused", async () => {
  expect(await codeOf(await withRows("task", [bundle.parts.task[0], bundle.parts.task[0]]))).toBe("too_large");
});

test("the page runs nothing, loads nothing and shows every text as text", async () => {
  const evil = `<script>alert(1)</script><img src=x onerror="x">'&\u202e`;
  const [task] = bundle.parts.task;
  const parts = {
    ...bundle.parts,
    task: [{ ...task!, workflowName: evil, input: JSON.stringify(evil) as never }],
    checkpoints: bundle.parts.checkpoints.map((row) => ({ ...row, name: evil, position: evil })),
    logs: bundle.parts.logs.map((row) => ({ ...row, message: evil })),
  };
  const page = bundlePage({ ...bundle, parts });
  expect(page).toContain(`http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'sha256-`);
  expect(page).not.toMatch(/<(?:script|img|iframe|link|a|object|form)\b/i);
  expect(page).not.toMatch(/\son\w+=["']|href=|src=["']|url\(|\u202e/);
  expect(page).toContain("&lt;script&gt;alert(1)&lt;/script&gt;");
});
