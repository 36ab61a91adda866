// The backend `session` against a session API on a real socket: what it asks, and what no break, repeat or disorder of the stream changes.
import { afterEach, beforeEach, expect, test } from "vitest";
import { HASTY, openAgents, refusal, TASK, TASK_HEX, type AgentBench } from "../support/agent-bench.ts";
import { asEvent, startSessionApi, type SessionApi } from "../support/session-api.ts";

const THREAD = `wf:${TASK_HEX}:agent:report`;
const KEY = `absurd-workflow-agent-turn:absurd-workflow:${TASK}:1:user`;

let api: SessionApi;
let bench: AgentBench;

beforeEach(async () => {
  api = await startSessionApi();
  const env = { CENTAUR_API_URL: `${api.url}/`, CENTAUR_API_KEY: "key-1" };
  bench = openAgents("/", '[agents]\nbackend = "session"', env);
});

afterEach(async () => {
  await bench.agents.close();
  await api.close();
});

const lines = (count: number): string[] => Array.from({ length: count }, (_, index) => `line ${index + 1}`);

test("a turn creates the session, posts the message, executes and follows", async () => {
  api.agent = (execution) => {
    execution.say('{"type":"item.completed","item":{"type":"agent_message","text":"42 ships"}}');
    execution.end("completed");
  };
  const told: string[] = [];
  const args = {
    text: "count",
    persona: "admiral",
    principal: "p1",
    model: "m",
    effort: "high",
    delivery: { a: 1 },
    metadata: { mine: 1 },
  };
  const answer = await bench.turn(args, { line: (line) => told.push(line) });
  expect(answer).toEqual({
    thread_key: THREAD,
    execution_id: "exe-1",
    status: "completed",
    output_lines: ['{"type":"item.completed","item":{"type":"agent_message","text":"42 ships"}}'],
    result_text: "42 ships",
  });
  expect(told).toEqual(answer.output_lines);
  const [session, messages, execute, events] = api.asked;
  const base = `/api/session/${encodeURIComponent(THREAD)}`;
  expect(api.asked.map((one) => one.path)).toEqual([base, `${base}/messages`, `${base}/execute`, `${base}/events`]);
  expect(api.asked.every((one) => one.key === "Bearer key-1")).toBe(true);
  const metadata = {
    mine: 1,
    delivery: { a: 1 },
    source: "absurd_workflow",
    workflow_name: "report",
    workflow_task_id: TASK,
    workflow_run_id: expect.any(String),
    workflow_agent_request_id: "1",
    workflow_owned_thread: true,
  };
  expect(session!.body).toEqual({
    harness_type: "codex",
    persona_id: "admiral",
    metadata: { ...metadata, principal: "p1", model: "m", reasoning: "high", workflow_context_phase: "session" },
  });
  expect(messages!.body.messages).toEqual([
    {
      role: "user",
      content: [{ type: "text", text: "count" }],
      client_message_id: `absurd-workflow:${TASK}:1:user`,
      metadata: { ...metadata, workflow_context_phase: "message" },
    },
  ]);
  expect(execute!.body).toMatchObject({
    idempotency_key: KEY,
    idle_timeout_ms: 60_000,
    max_duration_ms: 1_800_000,
    metadata: { workflow_context_phase: "execution" },
  });
  expect(events!.query).toEqual({ execution_id: "exe-1" });
  expect(bench.agents.describe("ctx.agent_turn", "{}" as never, bench.context())).toEqual({
    nature: "real",
    by: `session ${api.url}/`,
  });
});

test("a stream that breaks is resumed behind what was heard, and each line counts once", async () => {
  let connections = 0;
  api.agent = (execution) => {
    lines(40).forEach((line) => execution.say(line));
    execution.end("completed", { result_text: "all" });
  };
  api.stream = (events, write, hangUp) => {
    connections += 1;
    if (connections > 3) return events.forEach((event) => write(asEvent(event)));
    for (const event of events.slice(0, 20)) write(asEvent(event));
    // In the middle of an event.
    write("id: 999\nevent: session.output.line\nda");
    setImmediate(hangUp);
  };
  const answer = await bench.turn({ text: "x" });
  expect(answer.output_lines).toEqual(lines(40));
  expect(answer.result_text).toBe("all");
  const resumed = api.asked.filter((one) => one.path.endsWith("/events")).map((one) => one.query["after_event_id"]);
  expect(resumed[0]).toBeUndefined();
  expect(Number(resumed[1])).toBeGreaterThan(0);
  expect(api.executions).toHaveLength(1);
});

test("events that come twice or out of order make the same answer", async () => {
  api.agent = (execution) => {
    lines(5).forEach((line) => execution.say(line));
    execution.end("completed");
  };
  api.stream = (events, write) => {
    // The end overtakes the last line; everything is told twice, the second time backwards.
    const disorder = [...events.slice(0, -2), events.at(-1)!, events.at(-2)!, ...events.toReversed()];
    write(disorder.map(asEvent).join(": a comment\r\n\r\n"));
  };
  expect((await bench.turn({ text: "x" })).output_lines).toEqual(lines(5));
});

test("session.stream_error is not the end of the execution", async () => {
  let first = true;
  api.agent = (execution) => execution.end("completed", { result_text: "fine" });
  api.stream = (events, write) => {
    if (!first) return events.forEach((event) => write(asEvent(event)));
    first = false;
    write("event: session.stream_error\ndata: the relay restarts\n\n");
  };
  expect((await bench.turn({ text: "x" })).result_text).toBe("fine");
});

test.each(["failed", "cancelled"] as const)(
  "an execution that is %s is an error that names everything",
  async (how) => {
    api.agent = (execution) => execution.end(how, { error: "no tokens left" });
    const told = await refusal(bench.turn({ text: "x" }));
    for (const part of [THREAD, "exe-1", `session.execution_${how}`, "no tokens left"]) expect(told).toContain(part);
  },
);

test("a later attempt steps over the execution that failed under its key", async () => {
  api.agent = (execution) => execution.end(api.executions.length === 1 ? "failed" : "completed", { result_text: "ok" });
  await refusal(bench.turn({ text: "x" }));
  expect((await bench.turn({ text: "x" })).execution_id).toBe("exe-2");
  expect(api.executions.map((one) => one.key)).toEqual([KEY, `${KEY}:2`]);
});

test("the end of another execution of the thread is not this one's", async () => {
  api.agent = (execution) => {
    const other = { id: 10_000, event: "session.execution_failed", data: '{"execution_id":"somebody-else"}' };
    api.stream = (events, write) => [other, ...events].forEach((event) => write(asEvent(event)));
    execution.end("completed", { result_text: "mine" });
  };
  expect((await bench.turn({ text: "x" })).result_text).toBe("mine");
});

test("a cancelled run interrupts its execution; one that is only left does not", async () => {
  api.agent = () => undefined;
  for (const [reason, interrupts] of [
    ["shutdown", 0],
    ["cancelled", 1],
  ] as const) {
    const run = new AbortController();
    const turn = refusal(bench.turn({ text: "x" }, { signal: run.signal }));
    await api.until("/events", 1 + interrupts);
    run.abort(reason);
    await turn;
    if (interrupts === 1) await api.until("/interrupt");
    await bench.agents.close();
    expect(api.asked.filter((one) => one.path.endsWith("/interrupt"))).toHaveLength(interrupts);
  }
  expect(api.executions).toHaveLength(1);
  expect(api.executions[0]!.status).toBe("cancelled");
});

test("who asks again under the same key joins the turn that is under way", async () => {
  api.agent = () => undefined;
  const first = new AbortController();
  const left = refusal(bench.turn({ text: "x" }, { signal: first.signal }));
  await api.until("/events");
  first.abort("again");
  await left;
  const second = bench.turn({ text: "x" });
  api.executions[0]!.end("completed", { result_text: "once" });
  expect((await second).result_text).toBe("once");
  expect(api.asked.filter((one) => one.path.endsWith("/execute"))).toHaveLength(1);
});

test("an agent that writes without end is interrupted with a named error", async () => {
  bench = openAgents("/", '[agents]\nbackend = "session"\nmax_output_bytes = 2048', { CENTAUR_API_URL: api.url });
  api.agent = (execution) => lines(1_000).forEach((line) => execution.say(line));
  expect(await refusal(bench.turn({ text: "x" }))).toMatch(/more than 2048 bytes.*agents\.max_output_bytes/);
  expect(api.asked.at(-1)!.path).toMatch(/\/interrupt$/);
});

test("refusals of the service are named, with what to do", async () => {
  api.refuse = () => ({ status: 401, body: "who are you" });
  expect(await refusal(bench.turn({ text: "x" }))).toMatch(/answered 401: who are you.*CENTAUR_API_KEY/);
  api.refuse = () => ({ status: 409, body: "codex lives here" });
  expect(await refusal(bench.turn({ text: "x" }))).toMatch(/409.*on_harness_conflict/);
  api.refuse = () => ({ status: 200, body: "<html>a login page</html>" });
  expect(await refusal(bench.turn({ text: "x" }))).toMatch(/not a JSON object: <html>/);
});

test("a connection on which nothing comes any more is made again", async () => {
  bench = openAgents("/", '[agents]\nbackend = "session"', { CENTAUR_API_URL: api.url }, HASTY);
  let connections = 0;
  api.agent = (execution) => execution.end("completed", { result_text: "at last" });
  api.stream = (events, write) => {
    connections += 1;
    if (connections > 1) events.forEach((event) => write(asEvent(event)));
  };
  expect((await bench.turn({ text: "x" })).result_text).toBe("at last");
  expect(connections).toBe(2);
});

test("a stream that never tells anything new is given up, and its execution is left running", async () => {
  bench = openAgents("/", '[agents]\nbackend = "session"', { CENTAUR_API_URL: api.url }, HASTY);
  api.agent = () => undefined;
  api.stream = (_events, write, hangUp) => {
    write("event: session.stream_error\ndata: the relay is gone\n\n");
    setImmediate(hangUp);
  };
  const told = await refusal(bench.turn({ text: "x" }));
  expect(told).toMatch(/execution exe-1: nothing new for 120 s.*session\.stream_error: the relay is gone/);
  expect(api.executions[0]!.status).toBe("running");
});

test("an execution that its service forgets to end is interrupted after its time", async () => {
  bench = openAgents("/", '[agents]\nbackend = "session"', { CENTAUR_API_URL: api.url }, HASTY);
  api.agent = () => undefined;
  const told = await refusal(bench.turn({ text: "x", max_duration_ms: 1_000 }));
  expect(told).toContain("did not end within 61000 ms");
  expect(api.executions[0]!.status).toBe("cancelled");
});

test("a rate limit is waited out as it asks", async () => {
  let refused = 0;
  api.refuse = (asked) => {
    if (asked.path.endsWith("/execute") && refused++ < 2) return { status: 429, headers: { "retry-after": "0.01" } };
    return null;
  };
  expect((await bench.turn({ text: "x" })).result_text).toBe("done");
  expect(refused).toBe(3);
});

test("without an address the error says which variable is missing", async () => {
  const { turn } = openAgents("/", '[agents]\nbackend = "session"');
  expect(await refusal(turn({ text: "x" }))).toContain("Set CENTAUR_API_URL");
});
