// The small texts of the command line: places in JSON, streams, moments, sizes, cut values, ids.
import { Writable } from "node:stream";
import fc from "fast-check";
import { describe, expect, test, vi } from "vitest";
import { createJsonLines } from "../../src/cli/event-lines.ts";
import { inputFields, sampleInput } from "../../src/cli/input-fields.ts";
import { sliceElements } from "../../src/core/json-elements.ts";
import { findJsonFault } from "../../src/cli/json-fault.ts";
import { eventLine, logLine } from "../../src/cli/run-lines.ts";
import { matches } from "../../src/cli/run-id.ts";
import { failurePlace } from "../../src/cli/run-page.ts";
import { statesOf } from "../../src/cli/runs-list.ts";
import { serverEvents, type ServerEvent } from "../../src/cli/sse.ts";
import { cutText, formatBytes, valueText } from "../../src/cli/value-text.ts";
import { relative } from "../../src/cli/when.ts";
import type { JsonText } from "../../src/core/json-text.ts";

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

describe("a fault in JSON", () => {
  test("is found exactly where JSON.parse refuses a text", () => {
    fc.assert(
      fc.property(
        fc.json(),
        fc.nat(),
        fc.constantFrom("", "}", "]", ",", '"', "'", "x", "\n", "\u0001", "-", "\\"),
        (text, at, put) => {
          const index = at % (text.length + 1);
          const changed = text.slice(0, index) + put + text.slice(index + 1);
          expect(findJsonFault(changed) === null).toBe(isJson(changed));
        },
      ),
      { numRuns: 500 },
    );
  });

  test.each([
    ["{name: 1}", 1, 2, 'a name in double quotes or "}"'],
    ['{"a": 1,\n "b" 2}', 2, 6, '":"'],
    ['{"a": 1', 1, 8, '"," or "}"'],
    ["[1 2]", 1, 4, '"," or "]"'],
    ["'x'", 1, 1, "a value"],
    ['{"a": 1} x', 1, 10, "nothing more"],
    ["", 1, 1, "a value"],
  ])("%s breaks at line %i, column %i", (text, line, column, expected) => {
    expect(findJsonFault(text)).toMatchObject({ line, column, expected });
  });

  test("is found in a string of any length that does not end", () => {
    const text = `{"a": "${"b".repeat(1_000_000)}`;
    expect(findJsonFault(text)).toMatchObject({ at: 6, expected: "a value" });
  });

  test("is found behind a million characters and 100,000 levels", () => {
    expect(findJsonFault(`["${"a".repeat(1_000_000)}" 1]`)).toMatchObject({ at: 1_000_004 });
    expect(findJsonFault(`${"[".repeat(100_000)}x`)).toMatchObject({ at: 100_000 });
  });
});

test("an array is cut into the texts of its elements", () => {
  fc.assert(
    fc.property(fc.array(fc.jsonValue()), (values) => {
      const texts = values.map((value) => JSON.stringify(value));
      expect(sliceElements(`[ ${texts.join(" ,\n ")} ]` as JsonText)).toEqual(texts);
    }),
  );
  expect(sliceElements('[{"a":9007199254740993},-0,"[,]"]' as JsonText)).toEqual([
    '{"a":9007199254740993}',
    "-0",
    '"[,]"',
  ]);
});

test("server-sent events are read across chunk borders, without comments", async () => {
  const text = ': open\n\nevent: run.log\nid: 7\ndata: {"a":\ndata: 1}\n\n: keep-alive\n\nevent: end\ndata: {}\n\n';
  for (const size of [1, 3, 1_000]) {
    const chunks = text.match(new RegExp(`[\\s\\S]{1,${size}}`, "g"))!;
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        for (const chunk of chunks) controller.enqueue(new TextEncoder().encode(chunk));
        controller.close();
      },
    });
    const events: ServerEvent[] = [];
    for await (const event of serverEvents(new Response(body))) events.push(event);
    expect(events).toEqual([
      { event: "run.log", data: '{"a":\n1}', id: "7" },
      { event: "end", data: "{}", id: null },
    ]);
  }
});

test("a moment is told by its distance", () => {
  const now = Date.UTC(2026, 0, 1, 12);
  expect(relative(now - 5_000, now)).toBe("5s ago");
  expect(relative("2026-01-01T14:05:00.000Z", now)).toBe("in 2h 5m");
  expect(relative(now + 10, now)).toBe("now");
  expect(relative(null, now)).toBe("-");
});

test("sizes have units a person reads", () => {
  expect([0, 1_023, 1_536, 20 * 1_024, 3 * 1_024 ** 3].map(formatBytes)).toEqual([
    "0 B",
    "1023 B",
    "1.5 KiB",
    "20 KiB",
    "3 GiB",
  ]);
});

test("a long value is cut and its size told; what could steer a terminal is written out", () => {
  expect(valueText(`"${"a".repeat(3_000)}"`, 20)).toBe(`"${"a".repeat(19)}… (2.9 KiB)`);
  expect(valueText('{"a":\n  "\u001b[2J"}')).toBe('{"a": "\\x1b[2J"}');
  expect(cutText("one\n  two three", 8)).toBe("one two…");
  expect(logLine({ level: "error", source: "stderr", message: "a\u001b[31m\nb\n" })).toBe(
    "  stderr error │ a\\x1b[31m\n  │ b",
  );
});

test("a log line shows what was logged beside its message, exactly", () => {
  const fields = '{"level":"warn","who":"ada","note":"two words","total":9007199254740993,"in":{"a":[1]}}' as JsonText;
  const line = { level: "warn", source: "log", message: "paid" };
  expect(logLine(line, fields)).toBe('  warn │ paid who=ada note="two words" total=9007199254740993 in={"a":[1]}');
  expect(logLine(line, "{}" as JsonText)).toBe("  warn │ paid");
  expect(logLine(line, "null" as JsonText)).toBe("  warn │ paid");
  expect(logLine(line, `{"long":"${"x".repeat(3_000)}"}` as JsonText)).toContain("… (2.9 KiB)");
  const ids = { taskId: "t", runId: "r", workflowName: "w" };
  let written = "";
  const stream = new Writable({ write: (chunk: Buffer, _, done) => ((written += String(chunk)), done()) });
  const write = createJsonLines(stream, () => 0);
  write({ type: "run.log", ...ids, ...line, fields });
  write({ type: "run.log", ...ids, ...line, fields: null });
  return vi.waitFor(() =>
    expect(written.split("\n")).toEqual([
      `{"at":"1970-01-01T00:00:00.000Z","type":"run.log","taskId":"t","runId":"r","workflowName":"w","level":"warn","source":"log","message":"paid","fields":${fields}}`,
      expect.not.stringContaining("fields"),
      "",
    ]),
  );
});

test("a short id fits an id's beginning or end, and a task counts once", () => {
  const runs = [
    { run_id: "01990000-aaaa-7000-8000-00000000000a", task_id: "01990000-bbbb-7000-8000-00000000000b" },
    { run_id: "01990000-cccc-7000-8000-00000000000c", task_id: "01990000-dddd-7000-8000-00000000000d" },
  ];
  expect(matches(runs, "00000000000c")).toEqual([runs[1]!.run_id]);
  expect(matches(runs, "00000000000b")).toEqual([runs[0]!.task_id]);
  expect(matches(runs, "01990000")).toHaveLength(2);
  expect(matches(runs, "ffffffff")).toEqual([]);
});

test("states are read with commas, and a mistyped one is answered with the nearest", () => {
  expect(statesOf(["failed,cancelled", "running"])).toEqual(["failed", "cancelled", "running"]);
  expect(() => statesOf(["faild"])).toThrow(
    expect.objectContaining({ code: "bad_request", hint: "Did you mean failed?" }),
  );
});

test("the place of a failure is the innermost frame of its traceback", () => {
  const traceback = [
    "Traceback (most recent call last):",
    '  File "/p/workflows/a.py", line 3, in handler',
    "    helper()",
    '  File "/p/workflows/b.py", line 9, in helper',
    "    raise ValueError",
  ].join("\n");
  expect(failurePlace({ traceback }, "/p")).toBe("workflows/b.py:9 in helper");
  expect(failurePlace({}, "/p")).toBeNull();
});

test("an event of a run is one line, and those that another line tells have none", () => {
  const now = Date.UTC(2026, 0, 1);
  expect(eventLine("run.started", { attempt: 2 }, now)).toBe("▶ attempt 2 started");
  expect(eventLine("run.sleeping", { waits: ["pause"], wake_at: new Date(now + 5_000).toISOString() }, now)).toBe(
    "☾ waits at pause, wakes in 5s",
  );
  expect(eventLine("run.failed", { attempt: 1, name: "E", message: "m\u001b", next_attempt_at: null }, now)).toBe(
    "✘ attempt 1 failed: E: m\\x1b (no attempt left)",
  );
  expect(eventLine("task.created", {}, now)).toBeNull();
});

test("an Input's fields are read from its schema, and a sample has the required ones", () => {
  const fields = inputFields({
    type: "object",
    properties: {
      name: { type: "string" },
      tags: { type: "array", items: { type: "string" } },
      size: { anyOf: [{ type: "integer" }, { type: "null" }], default: null },
    },
    required: ["name", "tags"],
  });
  expect(fields.map(({ name, type, required, defaultText }) => [name, type, required, defaultText])).toEqual([
    ["name", "string", true, ""],
    ["tags", "array of string", true, ""],
    ["size", "integer | null", false, "null"],
  ]);
  expect(JSON.parse(sampleInput(fields))).toEqual({ name: "…", tags: [] });
  expect(inputFields(null)).toEqual([]);
});
