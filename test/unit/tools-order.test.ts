// Who answers a call: stubs where they are asked for, then local tools, then the services behind them.
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { VirtualClock } from "../../adapters/node/virtual-clock.ts";
import type { TaskId } from "../../src/core/ids.ts";
import { toJsonText, type JsonText } from "../../src/core/json-text.ts";
import { createTools, type ToolSettings } from "../../src/effects/tools/tools.ts";
import type { EffectContext } from "../../src/ports/effects.ts";
import type { LocalTool } from "../../src/ports/host.ts";

let dir = "";
let stubs = "";
beforeEach(() => {
  dir = fs.mkdtempSync(path.join(os.tmpdir(), "chiron-stubs-"));
  stubs = path.join(dir, "stubs.yaml");
});
afterEach(() => fs.rmSync(dir, { recursive: true }));

const local = (more: Partial<LocalTool> = {}): LocalTool => ({
  path: "/w/tools/text.py",
  methods: ["slugify"],
  problem: null,
  perform: async () => '"from the file"' as JsonText,
  ...more,
});

async function ask(
  name: string,
  { args = {}, tool, settings = {} }: { args?: object; tool?: LocalTool; settings?: Partial<ToolSettings> } = {},
) {
  const [owner, method] = name.split(".");
  const context: EffectContext = {
    taskId: "t" as TaskId,
    runId: "r",
    workflowName: "w",
    ordinal: "1",
    harnessType: null,
    signal: new AbortController().signal,
    ...(tool ? { local: tool } : {}),
  };
  const handler = createTools({
    clock: new VirtualClock(0),
    env: { PATH: "" },
    settings: { mode: "live", stubs: undefined, apiUrl: undefined, program: null, timeoutMs: 1_000, ...settings },
  });
  const text = toJsonText({ tool: owner, method, args });
  const { nature, by } = handler.describe("ctx.call_tool", text, context);
  const value = await handler.call("ctx.call_tool", text, context, () => undefined);
  return { nature, by, value: JSON.parse(value) as unknown };
}

test("a local tool answers before everything else that is live, even for time.now", async () => {
  const settings = { apiUrl: "http://127.0.0.1:1" };
  expect(await ask("text.slugify", { tool: local(), settings })).toEqual({
    nature: "real",
    by: "/w/tools/text.py",
    value: "from the file",
  });
  expect((await ask("time.now", { tool: local({ methods: ["now"] }) })).value).toBe("from the file");
});

test("a method that the file does not define goes on to the services, and without one the file's methods are named", async () => {
  expect((await ask("time.now", { tool: local() })).by).toBe("built in");
  await expect(ask("text.other", { tool: local() })).rejects.toThrow(
    "tool text.other cannot be called: there is no method other; /w/tools/text.py defines slugify",
  );
});

test("a file that does not load is not passed over", async () => {
  const tool = local({ methods: [], problem: "/w/tools/text.py:3: SyntaxError" });
  await expect(ask("text.slugify", { tool, settings: { apiUrl: "http://127.0.0.1:1" } })).rejects.toThrow(
    "tool text.slugify cannot be called: /w/tools/text.py:3: SyntaxError",
  );
});

test("without anybody to ask the error says what can be done", async () => {
  await expect(ask("a.b")).rejects.toMatchObject({
    code: "unavailable",
    hint: expect.stringContaining("WORKFLOW_TOOL_API_URL"),
  });
});

const STUBS = `
github.search:
  - when: { query: bugs, options: { sort: new } }
    answer: [{ title: It does not start }]
  - when: { query: none }
    error: rate limited
github.*:
  answer: { anything: true }
text.slugify:
  - when: { text: [a, 1] }
    answer: listed
`;

test("stubs answer by what the arguments have in them, the first that fits", async () => {
  fs.writeFileSync(stubs, STUBS);
  const settings = { mode: "stubs" as const, stubs };
  const search = (args: object) => ask("github.search", { args, settings });
  expect(await search({ query: "bugs", options: { sort: "new", page: 2 }, more: 1 })).toEqual({
    nature: "stubbed",
    by: stubs,
    value: [{ title: "It does not start" }],
  });
  await expect(search({ query: "none" })).rejects.toThrow(`tool github.search: rate limited (stub of ${stubs})`);
  expect((await search({ query: "bugs", options: {} })).value).toEqual({ anything: true });
  expect((await ask("github.other", { settings })).value).toEqual({ anything: true });
  expect((await ask("text.slugify", { args: { text: ["a", 1] }, settings, tool: local() })).value).toBe("listed");
});

test("where only stubs may answer, a call without one fails and says where to add it", async () => {
  fs.writeFileSync(stubs, STUBS);
  await expect(
    ask("text.slugify", { args: { text: "x" }, tool: local(), settings: { mode: "stubs", stubs } }),
  ).rejects.toMatchObject({
    code: "not_found",
    message: 'tool text.slugify with {"text":"x"} is not stubbed',
    hint: `Add "text.slugify:" with an answer to ${stubs}.`,
  });
  expect((await ask("time.now", { settings: { mode: "stubs" } })).nature).toBe("real");
});

test("beside live tools a stub answers what it fits", async () => {
  fs.writeFileSync(stubs, STUBS);
  expect((await ask("text.slugify", { args: { text: "x" }, tool: local(), settings: { stubs } })).value).toBe(
    "from the file",
  );
  expect((await ask("github.get", { settings: { stubs } })).nature).toBe("stubbed");
});

test("a changed stub file counts from the next call, and a broken one is named", async () => {
  const settings = { mode: "stubs" as const, stubs };
  await expect(ask("a.b", { settings })).rejects.toThrow(/the tool stubs .*stubs\.yaml cannot be used: ENOENT/);
  fs.writeFileSync(stubs, "a.b: { answer: 1 }");
  expect((await ask("a.b", { settings })).value).toBe(1);
  fs.writeFileSync(stubs, "a.b: { answer: 1, error: both }");
  await expect(ask("a.b", { settings })).rejects.toThrow("a.b.0: a stub has either an answer or an error");
  fs.writeFileSync(stubs, "a.b: { answr: 1 }");
  await expect(ask("a.b", { settings })).rejects.toThrow(/a\.b\.0: .*answr/);
});
