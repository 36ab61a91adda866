import fc from "fast-check";
import { expect, test } from "vitest";
import { createMask, NO_MASK } from "../../src/core/redaction.ts";

const VALUE = 'p@ss/w+rd "ü" {1}';
const mask = createMask([{ name: "API_KEY", value: VALUE }]);

test("a secret is hidden as it is and as URLs, forms, JSON and base64 carry it", () => {
  const forms = [
    VALUE,
    encodeURIComponent(VALUE),
    encodeURIComponent(VALUE).toLowerCase(),
    new URLSearchParams({ v: VALUE }).toString().slice(2),
    JSON.stringify(VALUE),
    JSON.stringify(JSON.stringify({ v: VALUE })),
    Buffer.from(VALUE).toString("base64"),
    Buffer.from(VALUE).toString("base64url"),
    '"p@ss/w+rd \\"\\u00fc\\" {1}"',
  ];
  for (const form of forms) {
    const shown = mask(`before ${form} after`);
    expect(shown, form).toMatch(/^before .*\[secret API_KEY\].* after$/);
    expect(shown, form).not.toContain(form.replace(/^"|"$/g, ""));
  }
});

test("a secret inside base64 is hidden wherever it begins, as in a basic authorization", () => {
  for (const user of ["", "a", "ab", "abc", "abcd"]) {
    const shown = mask(`Basic ${Buffer.from(`${user}:hunter2-hunter2`).toString("base64")}`);
    expect(shown).toMatch(/^Basic \S+$/);
    const hidden = createMask([{ name: "PW", value: "hunter2-hunter2" }])(
      `Basic ${Buffer.from(`${user}:hunter2-hunter2`).toString("base64")}`,
    );
    expect(hidden, user).toContain("[secret PW]");
  }
});

test("a JSON text stays one, and no part of a secret is left in it", () => {
  const secret = fc.string({ unit: "grapheme", minLength: 6, maxLength: 40 }).filter((text) => text.trim().length >= 6);
  fc.assert(
    fc.property(secret, fc.string(), fc.string(), (value, before, after) => {
      const hide = createMask([{ name: "S", value }]);
      const parsed = JSON.parse(hide(JSON.stringify({ text: before + value + after })));
      expect(JSON.stringify(parsed)).toContain("[secret S]");
    }),
  );
});

test("of two secrets that begin alike the longer one is hidden whole", () => {
  const both = createMask([
    { name: "SHORT", value: "abcdef" },
    { name: "LONG", value: "abcdefghij" },
  ]);
  expect(both("abcdefghij abcdef")).toBe("[secret LONG] [secret SHORT]");
});

test("values too short to tell from text are left alone", () => {
  expect(createMask([{ name: "PIN", value: "12345" }])).toBe(NO_MASK);
  expect(createMask([])).toBe(NO_MASK);
});

test("a megabyte of text is masked against forty secrets in well under a second", () => {
  const secrets = Array.from({ length: 40 }, (_, at) => ({
    name: `S${at}`,
    value: `secret-${at}-${"x".repeat(at)}-end`,
  }));
  const hide = createMask(secrets);
  const text = "an ordinary line of a log with some numbers 12345 and words\n".repeat(17_000);
  const started = performance.now();
  expect(hide(text)).toBe(text);
  expect(performance.now() - started).toBeLessThan(800);
});
