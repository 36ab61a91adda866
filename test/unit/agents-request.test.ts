// What a call for an agent may say, and what a wrong one is told before anybody is asked.
import { expect, test } from "vitest";
import { openAgents, refusal, TASK, TASK_HEX } from "../support/agent-bench.ts";

const { agents, turn, batch, context } = openAgents("/", "");

test("without a backend a stand-in answers in the reference's shape, and says what it is", async () => {
  const lines: string[] = [];
  const answer = await turn({ text: "count the ships" }, { line: (line) => lines.push(line) });
  expect(answer).toEqual({
    thread_key: `wf:${TASK_HEX}:agent:report`,
    execution_id: `local:absurd-workflow-agent-turn:absurd-workflow:${TASK}:1:user`,
    status: "completed",
    output_lines: [expect.stringContaining("count the ships")],
    result_text: expect.stringMatching(/local stand-in, no agent was asked.*codex agent.*count the ships/),
  });
  expect(lines).toEqual(answer.output_lines);
  expect(agents.describe("ctx.agent_turn", "{}" as never, context())).toEqual({
    nature: "stubbed",
    by: "local stand-in",
  });
});

test.each([
  [{}, "needs text or content"],
  [{ text: " " }, "needs text or content"],
  [{ content: [] }, "content is empty"],
  [{ content: [3] }, "a text, a part or a list of parts"],
  [{ text: "x", harness: "claude-code" }, "unknown harness claude-code (Known: codex, amp, claudecode"],
  [{ text: "x", harness: "claude-code" }, "Did you mean claudecode?"],
  [{ text: "x", harness_type: "codexx" }, "Did you mean codex?"],
  [{ text: "x", thread_key: "no-namespace" }, "not of the form namespace:id"],
  [{ text: "x", thread_key: `a:${"é".repeat(256)}` }, "longer than 512 bytes"],
  [{ text: "x", thread_key: "a:b\u0007" }, "control character"],
  [{ text: "x", thread_key: '{"a":1}' }, "looks like JSON"],
  [{ text: "x", thread_key: "[a:b" }, "looks like JSON"],
  [{ text: "x", principal: "" }, "principal must be a non-empty text"],
  [{ text: "x", principal_foreign_id: 7 }, "principal_foreign_id must be a non-empty text"],
  [{ text: "x", idle_timeout_ms: 0 }, "idle_timeout_ms must be a whole number"],
  [{ text: "x", max_duration_ms: "9" }, "max_duration_ms must be a whole number"],
  [{ text: "x", metadata: "m" }, "metadata must be an object"],
])("refuses %j", async (args, told) => {
  expect(await refusal(turn(args))).toContain(told);
});

test("aliases mean the same, unknown arguments are ignored, and the run's harness is the default", async () => {
  const aliases = { prompt: "x", harness: "amp", client_message_id: "mine", nonsense: true, idle_timeout_ms: null };
  const answer = await turn(aliases);
  expect(answer.execution_id).toBe("local:absurd-workflow-agent-turn:mine");
  expect(answer.result_text).toContain("A amp agent");
  expect((await turn({ parts: ["x"] }, { harnessType: "pi" })).result_text).toContain("A pi agent");
  expect((await turn({ text: "x", execution_idempotency_key: "k" })).execution_id).toBe("local:k");
  expect((await turn({ text: "x", thread_key: "slack:C1:1.2" })).thread_key).toBe("slack:C1:1.2");
});

test("keys of a call are equal on every replay and differ between calls", async () => {
  const first = await turn({ text: "x" }, { ordinal: "1" });
  expect(await turn({ text: "x" }, { ordinal: "1" })).toEqual(first);
  expect((await turn({ text: "x" }, { ordinal: "2" })).execution_id).not.toBe(first.execution_id);
  expect((await turn({ text: "x" }, { ordinal: "step/1" })).execution_id).toContain(":step/1:user");
});

test("a batch answers in order, each agent on a thread of its own, and a failed one does not fail it", async () => {
  const asked = [
    { name: "First one!", text: "1" },
    { name: "bad", text: "2", harness: "claude-code" },
    { name: "third", text: "3" },
  ];
  const answer = await batch({ agents: asked, max_concurrency: 2 });
  expect(answer).toMatchObject({ succeeded: 2, failed: 1 });
  expect(
    answer.results.map((one: { index: number; name: string; ok: boolean }) => [one.index, one.name, one.ok]),
  ).toEqual([
    [0, "First one!", true],
    [1, "bad", false],
    [2, "third", true],
  ]);
  expect(answer.results[0].result.thread_key).toBe(`wf:${TASK_HEX}:agent-batch:1:0:first-one`);
  expect(answer.results[0].result.execution_id).toContain(`absurd-workflow:${TASK}:1:0:user`);
  expect(answer.results[1].error).toContain("Did you mean claudecode?");
});

const one = { name: "a", text: "x" };
test.each([
  [{ agents: [] }, "1 to 32 agents"],
  [{ agents: Array.from({ length: 33 }, (_, index) => ({ name: `a${index}`, text: "x" })) }, "1 to 32 agents, not 33"],
  [{ agents: [one, one] }, "two agents are called a"],
  [{ agents: [{ text: "x" }] }, "needs a name"],
  [{ agents: [{ ...one, name: "n".repeat(129) }] }, "1 to 128 bytes"],
  [{ agents: [3] }, "must be an object"],
  [{ agents: [one], max_concurrency: 17 }, "from 1 to 16"],
  [{ agents: [one], max_concurrency: 1.5 }, "from 1 to 16"],
  ...["thread_key", "message_id", "client_message_id", "idempotency_key", "execution_idempotency_key"].map(
    (field): [object, string] => [{ agents: [{ ...one, [field]: "a:b" }] }, `agent a: ${field} is reserved`],
  ),
])("refuses a batch %#", async (args, told) => {
  expect(await refusal(batch(args))).toContain(told);
});
