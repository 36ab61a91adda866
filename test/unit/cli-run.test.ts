// `chiron run` and `chiron events emit` against a scripted API: what is sent, what is printed, how it exits.
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { json, runCli, stream, type Api } from "./cli-fixture.ts";

const RUN = "01990000-aaaa-7000-8000-00000000000a";
const TASK = "01990000-bbbb-7000-8000-00000000000b";
const CREATED = JSON.stringify({ ok: true, run_id: RUN, task_id: TASK, status: "queued", created: true });

const runText = (status: string, output: string | null, failure = "null"): string =>
  `{"ok":true,"run":{"run_id":"${RUN}","task_id":"${TASK}","workflow_name":"hello","status":"${status}","attempts":1,` +
  `"failure":${failure},"input":null,"result":${output === null ? "null" : `{"output":${output}}`}}}`;

/** A task that ends as `run` says, with these log lines. */
function api(run: string, lines: readonly string[] = []): Api {
  const logs = lines.map(
    (message, index) =>
      `{"id":${index + 1},"run_id":"${RUN}","at":"2026-01-01T00:00:00.000Z","level":"info","source":"log","message":"${message}","fields":null}`,
  );
  const events = lines.map((message): [string, string] => [
    "run.log",
    JSON.stringify({ run_id: RUN, source: "log", message }),
  ]);
  return (asked, method) => {
    if (method === "POST") return json(CREATED);
    if (asked.endsWith("/events")) return stream(...events, ["run.completed", '{"attempt":1}'], ["end", "{}"]);
    if (asked.includes("/logs")) {
      const after = Number(new URLSearchParams(asked.split("?")[1]).get("after"));
      return json(`{"ok":true,"logs":[${logs.slice(after).join(",")}]}`);
    }
    return json(run);
  };
}

const folder = fs.mkdtempSync(path.join(os.tmpdir(), "chiron-cli-"));
afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

describe("chiron run", () => {
  test("sends the input as it was typed", async () => {
    const input = '{"n": 9007199254740993, "z": -0, "n": 1e400,\n\t"s": "\\ud83d"}';
    const { requests, exit } = await runCli(
      ["run", "hello", "--input", input, "--key", "k", "--max-attempts", "2"],
      () => json(CREATED),
    );
    expect(exit).toBe(0);
    expect(requests[0]).toEqual({
      method: "POST",
      path: "/api/workflows/runs",
      body: `{"workflow_name":"hello","idempotency_key":"k","max_attempts":2,"input":${input}}`,
    });
  });

  test("reads the input from a file, in both spellings", async () => {
    fs.mkdirSync(folder, { recursive: true });
    const file = path.join(folder, "input.json");
    fs.writeFileSync(file, '{"a": 1}\n');
    for (const args of [
      ["--input-file", file],
      ["--input", `@${file}`],
    ]) {
      const { requests } = await runCli(["run", "hello", ...args], () => json(CREATED));
      expect(requests[0]!.body).toBe('{"workflow_name":"hello","input":{"a": 1}\n}');
    }
  });

  test("refuses an input that is not JSON with its position, before anything is asked", async () => {
    const { exit, stderr } = await runCli(["run", "hello", "--input", "{name: 1}"]);
    expect(exit).toBe(2);
    expect(stderr).toContain(
      '--input is not JSON: line 1, column 2: expected a name in double quotes or "}", found "name: 1}"',
    );
    const asJson = await runCli(["run", "hello", "--json", "--input", '{"a": 1']);
    expect(JSON.parse(asJson.stdout)).toMatchObject({
      ok: false,
      code: "bad_request",
      line: 1,
      column: 8,
      position: 7,
    });
  });

  test.each([
    ["--max-attempts", "0"],
    ["--timeout", "soon"],
  ])("refuses %s %s", async (option, value) => {
    const { exit, stderr } = await runCli(["run", "hello", option, value]);
    expect(exit).toBe(2);
    expect(stderr).toContain(option);
  });

  test("says without --wait where the run is and that nothing runs it yet", async () => {
    const { stdout, stderr } = await runCli(["run", "hello"], () => json(CREATED));
    expect(stdout).toBe(`created hello ${RUN}\n`);
    expect(stderr).toContain('"chiron dev" will run it');
    expect(stderr).toContain("chiron runs show 00000000000a");
  });

  test("prints with --wait the handler's value as it was stored, and nothing else", async () => {
    const { exit, stdout, stderr } = await runCli(
      ["run", "hello", "--wait"],
      api(runText("completed", '{"n":9007199254740993}')),
    );
    expect({ exit, stdout, stderr }).toEqual({ exit: 0, stdout: '{"n":9007199254740993}\n', stderr: "" });
  });

  test("exits 3 when the run failed, with the failure and its traceback", async () => {
    const failure = '{"name":"ValueError","message":"no such\\u001b[31m","traceback":"Traceback: x"}';
    const { exit, stdout, stderr } = await runCli(["run", "hello", "--wait"], api(runText("failed", null, failure)));
    expect(exit).toBe(3);
    expect(stdout).toBe("");
    expect(stderr).toContain("ValueError: no such\\x1b[31m");
    expect(stderr).toContain("Traceback: x");
  });

  test("answers one document with --wait --json, values as they were stored", async () => {
    const { stdout } = await runCli(["run", "hello", "--wait", "--json"], api(runText("completed", "-0")));
    expect(stdout).toBe(
      `{"ok":true,"run_id":"${RUN}","task_id":"${TASK}","workflow_name":"hello","created":true,"status":"completed","attempts":1,"output":-0,"failure":null}\n`,
    );
    const failed = await runCli(["run", "hello", "--wait", "--json"], api(runText("cancelled", null)));
    expect(failed.exit).toBe(3);
    expect(JSON.parse(failed.stdout)).toMatchObject({
      ok: false,
      code: "run_failed",
      status: "cancelled",
      output: null,
    });
  });

  test("shows each log line once with --follow, in order, and then the result", async () => {
    const followed = await runCli(["run", "hello", "--follow"], api(runText("completed", "1"), ["one", "two", "two"]));
    expect(followed.stdout).toBe("1\n");
    expect(followed.stderr).toBe(`hello ${RUN}\n  │ one\n  │ two\n  │ two\n✔ completed\n`);
    const lines = await runCli(["run", "hello", "--follow", "--json"], api(runText("completed", "1"), ["one"]));
    expect(
      lines.stdout
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line).event),
    ).toEqual(["log", "state", "run.completed", "end"]);
  });

  test("gives up waiting after --timeout and says that the run goes on", async () => {
    const waiting: Api = (asked, method) => {
      if (method === "POST") return json(CREATED);
      return asked.endsWith("/events") ? stream() : json(runText("running", null));
    };
    const { exit, stderr } = await runCli(["run", "hello", "--timeout", "20ms"], waiting);
    expect(exit).toBe(7);
    expect(stderr).toContain("the run has not ended after 20ms; it goes on");
  });

  test("names the files that do not load when the workflow is unknown", async () => {
    const unknown: Api = (asked) =>
      asked === "/api/workflows"
        ? json('{"ok":true,"problems":[{"path":"/p/hello.py","line":3,"message":"invalid syntax","severity":"error"}]}')
        : json('{"ok":false,"error":"unknown workflow: hello","code":"unknown_workflow"}', 404);
    const { exit, stderr } = await runCli(["run", "hello"], unknown);
    expect(exit).toBe(5);
    expect(stderr).toContain("does not load: /p/hello.py:3: invalid syntax");
  });
});

describe("chiron events emit", () => {
  const emitted: Api = () => json('{"ok":true,"event_name":"x","first":true,"woken":2}');

  test("names the event that ctx.wait_for_event waits for", async () => {
    const { requests, stdout } = await runCli(
      ["events", "emit", "--type", "order.confirmed", "--id", "42", "--payload", '{"total": 1.0}'],
      emitted,
    );
    expect(requests[0]!.body).toBe('{"event_name":"python:[\\"order.confirmed\\",\\"42\\"]","payload":{"total": 1.0}}');
    expect(stdout).toContain("2 runs woken");
  });

  test.each([[["emit"]], [["emit", "--type", "t"]], [["emit", "name", "--id", "1"]]])("refuses %j", async (args) => {
    expect((await runCli(["events", ...args])).exit).toBe(2);
  });
});
