// Lines and frames of the extended protocol.
import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeFrame, encodeFrame } from "../../adapters/python/frames.ts";
import { LONGEST_LINE, LineSplitter, LineTooLong, asUtf8 } from "../../adapters/python/line-splitter.ts";
import type { JsonText } from "../../src/core/json-text.ts";

const NONCE = "0123456789abcdef";
const json = (text: string): JsonText => text as JsonText;

function split(chunks: readonly Buffer[]): string[] {
  const splitter = new LineSplitter();
  const lines: string[] = [];
  for (const chunk of chunks) splitter.push(chunk, (line) => lines.push(line));
  const rest = splitter.rest();
  return rest === "" ? lines : [...lines, rest];
}

test("lines come out as they went in, however the stream is cut", () => {
  const parts = fc.tuple(fc.array(fc.string({ unit: "binary" })), fc.array(fc.nat(40)));
  fc.assert(
    fc.property(parts, ([texts, cuts]) => {
      const lines = texts.map((text) => text.replaceAll("\n", ""));
      const stream = Buffer.from(lines.map((line) => `${line}\n`).join(""));
      const chunks: Buffer[] = [];
      let at = 0;
      for (const size of cuts) chunks.push(stream.subarray(at, (at += size)));
      chunks.push(stream.subarray(at));
      expect(split(chunks).map(asUtf8)).toEqual(lines.map((line) => Buffer.from(line).toString("utf8")));
    }),
  );
});

test("a line of 32 MB in small chunks is cut in linear time", () => {
  const chunk = Buffer.alloc(4_096, "x");
  const started = performance.now();
  const lines = split([...Array.from({ length: 8_192 }, () => chunk), Buffer.from("\n")]);
  expect(lines[0]).toHaveLength(8_192 * 4_096);
  expect(performance.now() - started).toBeLessThan(3_000);
});

test("a line without an end is given up at the limit", () => {
  const splitter = new LineSplitter();
  const chunk = Buffer.alloc(16 * 1_048_576, "x");
  expect(() => {
    for (let bytes = 0; bytes <= LONGEST_LINE; bytes += chunk.length) splitter.push(chunk, () => undefined);
  }).toThrow(LineTooLong);
});

test("a frame's header and raw texts are taken apart without parsing the texts", () => {
  const line = `${NONCE}{"t":"put","r":1,"q":2,"step":"a","ms":3}\t{"n":12345678901234567890}`;
  expect(decodeFrame(line, NONCE)).toEqual({
    frame: { t: "put", r: 1, q: 2, step: "a", ms: 3 },
    raws: ['{"n":12345678901234567890}'],
  });
});

test.each([
  ['{"t":"result","r":1}\t1', "no nonce"],
  [`1${NONCE}{"t":"result","r":1}`, "the nonce later in the line"],
  [`${NONCE}{"t":"result"`, "broken JSON"],
  [`${NONCE}null`, "no object"],
  [`${NONCE}{"r":1}`, "no type"],
  ["", "an empty line"],
])("%j is not a frame (%s)", (line) => {
  expect(decodeFrame(line, NONCE)).toBeNull();
});

test("white space inside a raw text cannot break its line, and the value stays the same", () => {
  const raw = json('{\n\t"a": [1,\r\n 2], "b": "tab\\tnewline\\n"}');
  const line = encodeFrame(NONCE, { t: "ok", r: 1, q: 2 }, [raw]);
  expect(line.match(/[\t\n\r]/g)).toEqual(["\t", "\n"]);
  expect(JSON.parse(line.slice(line.indexOf("\t")))).toEqual({ a: [1, 2], b: "tab\tnewline\n" });
});

test("any value made with JSON.stringify arrives as it was", () => {
  fc.assert(
    fc.property(fc.json(), fc.json(), (first, second) => {
      const line = encodeFrame(NONCE, { t: "ok", r: 1, q: 2 }, [json(first), json(second)]);
      expect(line.endsWith("\n")).toBe(true);
      const [, ...raws] = Buffer.from(line).toString("utf8").slice(0, -1).split("\t");
      expect(raws.map((raw) => JSON.parse(raw))).toEqual([JSON.parse(first), JSON.parse(second)]);
    }),
  );
});

test("a lone surrogate survives the way through UTF-8", () => {
  const line = encodeFrame(NONCE, { t: "ok", r: 1, q: 2 }, [json('"\ud83d-😀-\ude00"')]);
  const raw = Buffer.from(line).toString("utf8").slice(0, -1).split("\t")[1]!;
  expect(JSON.parse(raw)).toBe("\ud83d-😀-\ude00");
});

test("names with tabs and newlines stay inside the header", () => {
  const line = encodeFrame(NONCE, { t: "no", r: 1, q: 2, error: "a\tb\nc" });
  expect(line.match(/[\t\n]/g)).toEqual(["\n"]);
});
