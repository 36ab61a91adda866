// Requests and values that are wrong, huge or strange, sent to the whole system: each has its named outcome, and every value that is
// accepted reaches the handler, the record and the client as it was.
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeProject, startChiron, type Answer, type Chiron, type Project } from "../support/chiron-process.ts";
import { ended, logLines } from "../fault/observe.ts";

const handler = (name: string, body: string): string =>
  `import asyncio
import json

WORKFLOW_NAME = "${name}"


def deep(levels):
    value = "bottom"
    for _ in range(levels):
        value = [value]
    return value


async def handler(inp, ctx):
${body}`;

/** Python expressions whose values JSON cannot hold, and what the failure says of the place. */
const UNSTORABLE: readonly (readonly [name: string, expression: string, says: RegExp])[] = [
  ["nan", `{"a": [1.0, float("nan")]}`, /\['a'\]\[1\] is nan/],
  ["infinity", `float("-inf")`, /-inf/],
  ["tuple_keys", `{(1, 2): 3}`, /key \(1, 2\) of type tuple/],
  ["bytes_keys", `{b"k": 3}`, /key b'k' of type bytes/],
  ["colliding_keys", `{1: "a", "1": "b"}`, /collide/],
  ["circular", `circle()`, /contains itself/],
  ["deep", `deep(5000)`, /nested too deeply/],
  ["long_int", `10 ** 5000`, /4300 digits|integer string conversion/],
];

const CIRCLE = `

def circle():
    value = []
    value.append({"again": value})
    return value
`;

/** Values that JSON or the reference's str() can hold, and how they come back. */
const STORABLE: readonly (readonly [name: string, expression: string, comes: unknown])[] = [
  ["nul", `"a\\0b"`, "a\0b"],
  ["surrogate", `"\\ud800 alone"`, "\ud800 alone"],
  ["swapped", `"\\udc00\\ud800"`, "\udc00\ud800"],
  ["bytes_value", `b"raw"`, "b'raw'"],
  ["tuple", `(1, (2,))`, [1, [2]]],
  ["set", `{1}`, "{1}"],
  ["separators", `"line\\u2028 \\u2029 \\x85 \\x1f tab\\t"`, "line\u2028 \u2029 \u0085 \u001f tab\t"],
  ["empty", `{"": {}, "l": []}`, { "": {}, l: [] }],
  [
    "proto",
    `{"__proto__": 1, "constructor": {"t": "result"}}`,
    JSON.parse('{"__proto__":1,"constructor":{"t":"result"}}'),
  ],
];

const files: Record<string, string> = {
  "workflows/echo_input.py": handler(
    "echo_input",
    `    step = await ctx.step("kept", lambda: inp)
    return {"same": step == inp, "value": inp}
`,
  ),
  "workflows/sizes.py": handler(
    "sizes",
    `    text = inp["text"]
    kept = await ctx.step("kept", lambda: text)
    if ctx.run_id == await ctx.step("the first run", lambda: ctx.run_id):
        raise ValueError("the first attempt fails")
    return {"length": len(text), "ends": [text[:3], text[-3:]], "kept": kept == text}
`,
  ),
  "workflows/names.py": handler("names", `    return await ctx.step(inp["name"], lambda: "named")\n`),
  "workflows/raises_odd.py": handler(
    "raises_odd",
    `    raise ValueError("nul \\0 and \\ud800 and " + "x" * 1_000_000)\n`,
  ),
  "workflows/logs_odd.py": handler(
    "logs_odd",
    `    print("nul \\0 and \\ud800 and \\x1b[31m")
    ctx.log("odd \\0", value="\\ud800", other={1, 2})
    return "logged"
`,
  ),
};
for (const [name, expression] of [...UNSTORABLE, ...STORABLE]) {
  files[`workflows/step_${name}.py`] =
    handler(`step_${name}`, `    return await ctx.step("odd", lambda: ${expression})\n`) + CIRCLE;
  files[`workflows/result_${name}.py`] = handler(`result_${name}`, `    return ${expression}\n`) + CIRCLE;
}

let project: Project;
let server: Chiron;

beforeAll(async () => {
  project = makeProject(files);
  server = await startChiron(project);
});

afterAll(async () => {
  await server.kill("SIGTERM");
  project.remove();
});

const post = (body: string, path = "/api/workflows/runs"): Promise<Answer> => server.post(path, body);

const RUNS = "/api/workflows/runs";
const nested = (levels: number): string =>
  `{"workflow_name":"echo_input","input":${"[".repeat(levels)}${"]".repeat(levels)}}`;

// Conformance 60, 67, 69
test.each([
  ["malformed JSON", RUNS, `{"workflow_name": "echo_input",`, 400, "bad_request"],
  ["two documents", RUNS, `{"workflow_name":"echo_input"}{}`, 400, "bad_request"],
  ["an empty body", RUNS, "", 400, "bad_request"],
  ["an array", RUNS, "[]", 400, "bad_request"],
  ["a number for a name", RUNS, `{"workflow_name": 7}`, 400, "bad_request"],
  ["an empty name", RUNS, `{"workflow_name": " "}`, 400, "bad_request"],
  ["no name", RUNS, `{"input": {}}`, 400, "bad_request"],
  ["attempts as text", RUNS, `{"workflow_name":"echo_input","max_attempts":"5"}`, 400, "bad_request"],
  ["half an attempt", RUNS, `{"workflow_name":"echo_input","max_attempts":0.5}`, 400, "bad_request"],
  ["no attempts", RUNS, `{"workflow_name":"echo_input","max_attempts":0}`, 400, "bad_request"],
  ["a key that is an object", RUNS, `{"workflow_name":"echo_input","idempotency_key":{}}`, 400, "bad_request"],
  ["NaN, which is not JSON", RUNS, `{"workflow_name":"echo_input","input":NaN}`, 400, "bad_request"],
  ["a raw NUL in a string", RUNS, `{"workflow_name":"echo_input","input":"\0"}`, 400, "bad_request"],
  ["an unknown workflow", RUNS, `{"workflow_name":"echo_inptu"}`, 404, "unknown_workflow"],
  ["5,000 levels", RUNS, nested(5_000), 400, "bad_request"],
  ["100,000 levels", RUNS, nested(100_000), 400, "bad_request"],
  [
    "an event with both names",
    "/api/workflows/events",
    `{"event_name":"a","event_type":"b","correlation_id":"c"}`,
    400,
    "bad_request",
  ],
  ["an event with half a name", "/api/workflows/events", `{"event_type":"b"}`, 400, "bad_request"],
])("%s is refused with its status, in the envelope", async (_, path, body, status, code) => {
  const answer = await post(body, path);
  expect(answer.status).toBe(status);
  expect(answer.body).toMatchObject({ ok: false, code, error: expect.any(String) });
});

// Conformance 62
test("an unknown workflow's refusal names the nearest one", async () => {
  expect((await post(`{"workflow_name":"echo_inptu"}`)).body.hint).toContain("echo_input");
});

// Conformance 64, 65
test.each([
  randomUUID(),
  "not-a-uuid",
  "%00",
  "%ff",
  "..%2f..%2fetc",
  "'; drop table tasks; --",
  "🦜",
  "x".repeat(3_000),
])("an id that stands for nothing is 4xx on every route (%s)", async (id) => {
  const route = `/api/workflows/runs/${id}`;
  for (const path of [route, `${route}/checkpoints`, `${route}/children`, `${route}/attempts`, `${route}/logs`]) {
    const answer = await server.get(path);
    expect([400, 404], path).toContain(answer.status);
    expect(answer.body.ok).toBe(false);
  }
  for (const path of [`${route}/cancel`, `${route}/retry`]) {
    expect([400, 404], path).toContain((await server.post(path, {})).status);
  }
});

test("an input of 10 MB is accepted, delivered intact, recorded and replayed", async () => {
  const text = `abc${'é🦜\n"\\\u0000'.repeat(800_000)}xyz`;
  const body = JSON.stringify({ workflow_name: "sizes", input: { text } });
  expect(Buffer.byteLength(body)).toBeGreaterThan(10_000_000);
  const created = await post(body);
  expect(created.status).toBe(200);
  const run = await server.finished(created.body.task_id);
  expect(run.result?.output).toEqual({ length: 3 + 800_000 * 6 + 3, ends: ["abc", "xyz"], kept: true });
  expect(run.attempts).toBe(2);
  expect(run.input.text === text).toBe(true);
});

test.each([
  ["a NUL", '"a\\u0000b"'],
  ["a lone surrogate", '"\\ud800"'],
  ["surrogates in the wrong order", '{"\\udc00\\ud800":"\\udc00"}'],
  ["line separators", '"\\u2028\\u2029"'],
  ["numbers beyond a double", "[12345678901234567890, 1e400, 1.0, -0.0, 0.1e-400]"],
  ["512 levels", "[".repeat(500) + "]".repeat(500)],
  ["keys that JavaScript gives a meaning", '{"__proto__":{"a":1},"constructor":2}'],
  ["white space", "\n\t[ 1 ,\r\n 2 ]\t"],
])("%s in an input is kept", async (_, input) => {
  const created = await post(`{"workflow_name":"echo_input","max_attempts":1,"input":${input}}`);
  expect(created.status).toBe(200);
  const end = await server.finished(created.body.task_id);
  if (input.includes("1e400")) {
    // Python reads 1e400 as infinity, which no record can hold: the step says so.
    expect(end).toMatchObject({ status: "failed", failure: { message: expect.stringContaining("inf") } });
    return;
  }
  expect(end.failure).toBeNull();
  expect(end.result.output.value).toEqual(JSON.parse(input));
  expect(end.result.output.same).toBe(true);
});

test.each(UNSTORABLE)("%s fails its step and its result with the place", async (name, _, says) => {
  const step = await ended(server, `step_${name}`, {}, { max_attempts: 1 });
  expect(step).toMatchObject({ status: "failed", failure: { name: "UnstorableValue" } });
  expect(step.failure.message).toMatch(/^step 'odd': /);
  expect(step.failure.message).toMatch(says);
  const result = await ended(server, `result_${name}`, {}, { max_attempts: 1 });
  expect(result).toMatchObject({ status: "failed", failure: { name: "UnstorableValue" } });
  expect(result.failure.message).toMatch(says);
});

test.each(STORABLE)("%s survives as a result, and as a step's value", async (name, _, comes) => {
  const result = await ended(server, `result_${name}`, {}, { max_attempts: 1 });
  expect(result.failure).toBeNull();
  expect(result.result.output).toEqual(comes);
  const step = await ended(server, `step_${name}`, {}, { max_attempts: 1 });
  expect(step.failure).toBeNull();
  const { checkpoints } = (await server.get(`${RUNS}/${step.task_id}/checkpoints`)).body;
  expect(checkpoints[0].value).toEqual(comes);
});

test.each(["", " ", "\0", "\ud800", "a\nb", "x".repeat(100_000), "__proto__", "🦜"])(
  "a step of any name is recorded under it, or its run fails clearly (%j)",
  async (name) => {
    const end = await ended(server, "names", { name }, { max_attempts: 1 });
    const { checkpoints } = (await server.get(`${RUNS}/${end.task_id}/checkpoints`)).body;
    if (end.status === "failed") {
      expect(end.failure.message).toMatch(/step/);
      expect(checkpoints).toEqual([]);
    } else expect(checkpoints).toMatchObject([{ name, value: "named" }]);
  },
);

test("a failure with odd characters and a megabyte of text is kept, cut, and shown", async () => {
  const end = await ended(server, "raises_odd", {}, { max_attempts: 1 });
  expect(end).toMatchObject({ status: "failed", failure: { name: "ValueError" } });
  expect(end.failure.message.startsWith("nul \0 and ")).toBe(true);
  expect(end.failure.message.length).toBeLessThan(100_000);
});

test("odd characters in output and log lines do not stop the run", async () => {
  const end = await ended(server, "logs_odd", {}, { max_attempts: 1 });
  expect(end).toMatchObject({ status: "completed", result: { output: "logged" } });
  const lines = await logLines(server, end.task_id);
  expect(lines[0]!.replace(/[\ud800\ufffd]/, "?")).toBe("nul \0 and ? and \u001b[31m");
  expect(lines[1]).toBe("odd \0");
});
