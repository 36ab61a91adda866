import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { VirtualClock } from "../../adapters/node/virtual-clock.ts";
import type { TaskId } from "../../src/core/ids.ts";
import { toJsonText, type JsonText } from "../../src/core/json-text.ts";
import { createMask } from "../../src/core/redaction.ts";
import { openRecordings, type RecordingMode } from "../../src/effects/recordings/recordings.ts";
import type { EffectContext, EffectHandler, EffectNature } from "../../src/ports/effects.ts";

let dir = "";
let file = "";
beforeEach(() => {
  dir = fs.mkdtempSync(path.join(os.tmpdir(), "chiron-recordings-"));
  file = path.join(dir, "new", "effects.jsonl");
});
afterEach(() => fs.rmSync(dir, { recursive: true }));

const TYPE = "ctx.call_tool";
const mask = createMask([{ name: "TOKEN", value: "s3cret-value" }]);

/** A service whose answers tell how often it was asked. */
class Service implements EffectHandler {
  readonly types = new Set([TYPE, "ctx.agent_turn"]);
  nature: EffectNature = "real";
  asked = 0;
  fails = false;
  describe = (): { nature: EffectNature; by: string } => ({ nature: this.nature, by: "http://service" });
  async call(
    _type: string,
    _args: JsonText,
    _context: EffectContext,
    progress: (line: string) => void,
  ): Promise<JsonText> {
    this.asked += 1;
    if (this.fails) throw new Error("a bad moment");
    progress(`working on ${this.asked}`);
    return `{"asked":${this.asked},"big":12345678901234567890, "token":"s3cret-value"}` as JsonText;
  }
}

let service = new Service();
beforeEach(() => {
  service = new Service();
});
const open = (mode: RecordingMode): EffectHandler =>
  openRecordings({ file, path: dir, mode, clock: new VirtualClock(Date.UTC(2026, 0, 1)), mask })(service);
const context = (taskId: string, ordinal = "1"): EffectContext => ({
  taskId: taskId as TaskId,
  runId: `run-of-${taskId}`,
  workflowName: "w",
  ordinal,
  harnessType: null,
  signal: new AbortController().signal,
});
const args = (more: object = {}): JsonText =>
  toJsonText({ tool: "github", method: "search", args: { q: "bugs", ...more } });
const ask = async (handler: EffectHandler, task: string, ordinal = "1", given = args(), type = TYPE) => {
  const said: string[] = [];
  const { nature } = handler.describe(type, given, context(task, ordinal));
  const answer = await handler.call(type, given, context(task, ordinal), (line) => said.push(line));
  return { nature, answer, said };
};

test("an answer is recorded once and then played, with what was said before it", async () => {
  const first = await ask(open("once"), "t1");
  expect(first).toMatchObject({ nature: "real", said: ["working on 1"] });
  const again = await ask(open("once"), "t2");
  expect(again.nature).toBe("recorded");
  expect(again.said).toEqual(["working on 1"]);
  expect(again.answer).toBe('{"asked":1,"big":12345678901234567890, "token":"[secret TOKEN]"}');
  expect(service.asked).toBe(1);
});

test("equal calls of a task are told apart by their order", async () => {
  const recording = open("once");
  for (const ordinal of ["1", "2", "3"]) await ask(recording, "t1", ordinal);
  const playing = open("none");
  const answers = [];
  for (const ordinal of ["4", "7", "b/1"]) answers.push(JSON.parse((await ask(playing, "t2", ordinal)).answer).asked);
  expect(answers).toEqual([1, 2, 3]);
  await expect(ask(playing, "t2", "9")).rejects.toThrow(/is not recorded \(call 4\); 3 of its calls are/);
});

test("an attempt that is repeated hears what the first one heard, also from a process that began between", async () => {
  const recording = open("once");
  await ask(recording, "t1", "1");
  await ask(recording, "t1", "2");
  expect((await ask(recording, "t1", "1")).answer).toContain('"asked":1');
  const later = open("once");
  expect((await ask(later, "t1", "2")).answer).toContain('"asked":2');
  expect((await ask(later, "t1", "3")).answer).toContain('"asked":3');
  expect(service.asked).toBe(3);
});

test("a miss names the call and says how to record it, and nothing goes out", async () => {
  await expect(ask(open("none"), "t1")).rejects.toMatchObject({
    code: "not_found",
    message: 'tool github.search with {"args":{"q":"bugs"},"method":"search","tool":"github"} is not recorded (call 1)',
    hint: `Record it with: chiron dev --record ${dir}`,
  });
  expect(service.asked).toBe(0);
});

test("all asks anew and the newer answer stands", async () => {
  await ask(open("once"), "t1");
  expect((await ask(open("all"), "t2")).nature).toBe("real");
  expect((await ask(open("none"), "t3")).answer).toContain('"asked":2');
});

test("the order of members, the run's own ids and an agent's derived keys make no difference", async () => {
  const recording = open("once");
  await ask(recording, "t1", "1", toJsonText({ method: "m", tool: "t", args: { a: 1, b: "for t1 in run-of-t1" } }));
  await ask(
    recording,
    "t1",
    "1",
    toJsonText({ text: "hi", thread_key: "x:1", idempotency_key: "k" }),
    "ctx.agent_turn",
  );
  const playing = open("none");
  const shuffled = toJsonText({ args: { b: "for t2 in run-of-t2", a: 1 }, tool: "t", method: "m" });
  expect((await ask(playing, "t2", "1", shuffled)).nature).toBe("recorded");
  expect((await ask(playing, "t2", "1", toJsonText({ text: "hi" }), "ctx.agent_turn")).nature).toBe("recorded");
});

test("a request with a secret is recorded without it and found again with it", async () => {
  await ask(open("once"), "t1", "1", args({ key: "s3cret-value" }));
  expect(fs.readFileSync(file, "utf8")).not.toContain("s3cret-value");
  expect((await ask(open("none"), "t2", "1", args({ key: "s3cret-value" }))).nature).toBe("recorded");
});

test("neither a failure nor what leaves nothing is recorded", async () => {
  service.fails = true;
  await expect(ask(open("once"), "t1")).rejects.toThrow("a bad moment");
  service.fails = false;
  service.nature = "stubbed";
  expect((await ask(open("none"), "t1")).nature).toBe("stubbed");
  expect(fs.existsSync(file)).toBe(false);
});

test("a line that is no recording is named by file and number", () => {
  fs.mkdirSync(path.dirname(file));
  fs.writeFileSync(file, '\n{"key":1}\n');
  expect(() => open("once")).toThrow(`${file}:2 cannot be used`);
});
