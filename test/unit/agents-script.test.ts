// The backend `script`, and which backend serves which harness.
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openAgents, refusal, type AgentBench } from "../support/agent-bench.ts";

let root: string;

beforeEach(() => {
  root = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), "chiron-script-")));
});

afterEach(() => fs.rmSync(root, { recursive: true, force: true }));

const answers = (text: string, name = "answers.yaml"): void => fs.writeFileSync(path.join(root, name), text);
const open = (more = "", file = "answers.yaml"): AgentBench =>
  openAgents(root, `[agents]\nbackend = "script"\n${more}\n[agents.backends.script]\nfile = "${file}"`);

test("the first answer that fits is given: by pattern, text, harness, workflow and agent's name", async () => {
  answers(`answers:
  - { match: "summari[sz]e", text: "A summary of: {prompt}" }
  - { contains: "$1", text: "money" }
  - { harness: amp, text: "amp's" }
  - { workflow: other, text: "never" }
  - { agent: critic, text: "I disagree." }
  - { match: "^fail", error: "on purpose" }
  - match: slow
    delay: 10ms
    text: two
    lines: [thinking, two]
`);
  const { turn, batch, agents, context } = open();
  const said = async (args: object): Promise<string> => (await turn(args)).result_text;
  expect(await said({ text: "Please SUMMARISE $& this" })).toBe("A summary of: Please SUMMARISE $& this");
  expect(await said({ text: "costs $1" })).toBe("money");
  expect(await said({ text: "x", harness: "amp" })).toBe("amp's");
  expect(await turn({ text: "slow" })).toMatchObject({ output_lines: ["thinking", "two"], result_text: "two" });
  expect((await batch({ agents: [{ name: "critic", text: "x" }] })).results[0].result.result_text).toBe("I disagree.");
  expect(await refusal(turn({ text: "fail now" }))).toMatch(/thread wf:.* failed: on purpose/);
  expect(await refusal(turn({ text: "unknown" }))).toMatch(/no answer for: unknown.*Add one to/);
  expect(agents.describe("ctx.agent_turn", "{}" as never, context())).toEqual({
    nature: "stubbed",
    by: "script answers.yaml",
  });
});

test("an edit serves the next turn, and JSON is as good", async () => {
  answers('{"answers":[{"text":"one"}]}', "answers.json");
  const { turn } = open("", "answers.json");
  expect((await turn({ text: "x" })).result_text).toBe("one");
  answers('{"answers":[{"text":"two"}]}', "answers.json");
  expect((await turn({ text: "x" })).result_text).toBe("two");
});

test.each([
  ["answers: [", "answers.yaml"],
  ["answers: []", "answers"],
  ["answers: [{ txt: a }]", "txt"],
  ["answers: [{ text: a, error: b }]", "either text or error"],
  ["answers: [{ text: a, match: '(' }]", "answers.0.match"],
  ["answers: [{ text: a, delay: soon }]", 'answers.0.delay: "soon" is not a duration'],
])("a file that is wrong is named: %s", async (text, told) => {
  answers(text);
  expect(await refusal(open().turn({ text: "x" }))).toContain(told);
});

test("a missing file is named", async () => {
  expect(await refusal(open().turn({ text: "x" }))).toContain(path.join(root, "answers.yaml"));
});

test("each harness may have a backend of its own", async () => {
  answers("answers: [{ text: scripted }]");
  const { turn, agents, context } = open('[agents.harness]\namp = "local"');
  expect((await turn({ text: "x" })).result_text).toBe("scripted");
  expect((await turn({ text: "x", harness: "amp" })).result_text).toContain("local stand-in");
  const both = JSON.stringify({ agents: [{ name: "a" }, { name: "b", harness: "amp" }] });
  expect(agents.describe("ctx.run_agents", both as never, context()).by).toBe("script answers.yaml, local stand-in");
});

test.each([
  ['[agents]\nbackend = "sesion"', "Did you mean session?"],
  ['[agents]\nbackend = "mine"', "the agent backend mine is not declared"],
  ['[agents.harness]\nclaude-code = "local"', "Did you mean claudecode?"],
  ['[agents.harness]\namp = "nobody"', "the agent backend nobody is not declared"],
  ['[agents]\ndefault_harness = "gpt"', "unknown harness gpt"],
  ["[agents.backends.mine]", "agents.backends.mine.kind is not set"],
  ['[agents.backends.mine]\nkind = "cmd"', "Kinds: session, command, openai, script, local"],
  ["[agents.backends.command]", "agents.backends.command.command"],
  ['[agents.backends.command]\ncomand = ["a"]\ncommand = ["a"]', "Did you mean command?"],
  ['[agents.backends.openai]\nbase_url = "localhost"', "agents.backends.openai.base_url"],
])("a section that is wrong is named: %s", (toml, told) => {
  let message = "";
  try {
    openAgents(root, toml);
  } catch (error) {
    message = `${(error as Error).message} ${(error as { hint?: string }).hint ?? ""}`;
  }
  expect(message).toContain(told);
});

test("CHIRON_AGENT_BACKEND names the backend for one start", async () => {
  answers("answers: [{ text: scripted }]");
  const toml = '[agents]\nbackend = "script"\n[agents.backends.script]\nfile = "answers.yaml"';
  const { turn } = openAgents(root, toml, { CHIRON_AGENT_BACKEND: "local" });
  expect((await turn({ text: "x" })).result_text).toContain("local stand-in");
});
