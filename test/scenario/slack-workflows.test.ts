// Slack through the real process: live only when asked for, errors at the await, buttons and clicks with what the message shows of them.
import { afterEach, beforeEach, expect, test } from "vitest";
import { makeProject, runChiron, startChiron, type Chiron, type Project } from "../support/chiron-process.ts";
import { reply, startSlack, type SlackServer } from "../support/slack-server.ts";

const TOKEN = "xoxb-very-secret-token";
const ASK = `
WORKFLOW_NAME = "ask"

async def handler(inp, ctx):
    buttons = {"yes": {"label": "Approve", "style": "primary"}, "no": "Reject"}
    return await ctx.slack_buttons(
        "ask", channel="C1", text="Deploy?", workflow="deploy", buttons=buttons, input={"big": 12345678901234567890}
    )
`;
const DEPLOY = `
WORKFLOW_NAME = "deploy"

async def handler(inp, ctx):
    click = inp["click"]
    if click["action"] == "no":
        raise RuntimeError("rejected")
    if click.get("note"):
        await ctx.step("tell", lambda: ctx.update_slack(click["channel"], click["message_ts"], "Deployed by me"))
    await ctx.sleep("pause", 0.05)
    return inp["big"]
`;
const POST = `
WORKFLOW_NAME = "post"

async def handler(inp, ctx):
    try:
        return await ctx.post_to_slack(inp.get("channel", "C1"), "hello", **inp.get("args", {}))
    except RuntimeError as error:
        return str(error)
`;

let project: Project;
let slack: SlackServer;
let server: Chiron | null;

beforeEach(async () => {
  server = null;
  project = makeProject({ "workflows/ask.py": ASK, "workflows/deploy.py": DEPLOY, "workflows/post.py": POST });
  slack = await startSlack();
});
afterEach(async () => {
  await server?.kill();
  await slack.close();
  project.remove();
});

async function start(args: readonly string[] = ["--slack", "live"], env: Record<string, string> = {}): Promise<Chiron> {
  const known = { SLACK_BOT_TOKEN: TOKEN, SLACK_API_URL: slack.url };
  return (server = await startChiron(project, { ...known, ...env }, args));
}

async function ended(on: Chiron, workflowName: string, input: unknown = {}, more: object = {}) {
  const body = { workflow_name: workflowName, input, max_attempts: 1, ...more };
  return on.finished((await on.post("/api/workflows/runs", body)).body.task_id);
}

async function effectsOf(on: Chiron, id: string): Promise<Record<string, unknown>[]> {
  return (await on.get(`/api/workflows/runs/${id}/effects`)).body.effects;
}

test("a token alone posts nothing in dev: the message stays in the outbox", async () => {
  const dev = await start([]);
  const run = await ended(dev, "post");
  expect(run.result.output).toMatchObject({ channel: "C1", ts: expect.stringMatching(/^\d+\.\d+$/) });
  expect(await effectsOf(dev, run.run_id)).toMatchObject([
    { nature: "stubbed", by: "outbox", request: { text: "hello" } },
  ]);
  expect(slack.requests).toEqual([]);
});

test("chiron.toml can ask for live, and the flag for the outbox again", async () => {
  project.write("chiron.toml", '[effects]\nslack = "live"\n');
  const live = await start([]);
  await ended(live, "post");
  expect(slack.requests).toHaveLength(1);
  await live.kill("SIGTERM");
  await ended(await start(["--slack", "outbox"]), "post");
  expect(slack.requests).toHaveLength(1);
});

test("live without a token is refused at the start, and says what to set", async () => {
  const { code, stderr } = await runChiron(project.dir, ["dev", "workflows", "--port", "0", "--slack", "live"]);
  expect(code).toBe(2);
  expect(stderr).toContain("Slack is to be live, and there is no token");
});

test("serve is live when it has a token, and SLACK_BOT_TOKEN_OVERRIDE wins", async () => {
  const env = { SLACK_BOT_TOKEN: TOKEN, SLACK_API_URL: slack.url, SLACK_BOT_TOKEN_OVERRIDE: "xoxb-other" };
  server = await startChiron(project, env, ["--store", "sqlite"], "serve");
  const run = await ended(server, "post", { args: { thread_ts: "1.0", unfurl_links: true } });
  expect(slack.requests).toMatchObject([
    { token: "Bearer xoxb-other", body: { thread_ts: "1.0", unfurl_links: true, unfurl_media: false } },
  ]);
  expect(slack.requests[0]!.body.client_msg_id).toBe(`${run.task_id}:slack:1`);
  expect(await effectsOf(server, run.run_id)).toMatchObject([{ nature: "real", state: "done" }]);
});

test("Slack's errors are raised at the await, kept in the outbox, and name no token", async () => {
  const dev = await start();
  slack.next(reply(200, { ok: false, error: "channel_not_found" }));
  const run = await ended(dev, "post", { channel: "C404" });
  expect(run.result.output).toContain("Slack refused chat.postMessage to C404: channel_not_found");
  slack.next(reply(502, `<h1>proxy ${TOKEN}</h1>`));
  const html = await ended(dev, "post");
  expect(html.result.output).toContain("HTTP 502");
  expect(await effectsOf(dev, run.run_id)).toMatchObject([{ state: "failed", error: expect.stringContaining("C404") }]);
  const everything = JSON.stringify([(await dev.get("/api/outbox")).body, html, dev.events]);
  expect(everything).not.toContain(TOKEN);
});

interface Posted {
  readonly channel: string;
  readonly ts: string;
  readonly text: string;
  readonly blocks: {
    readonly type: string;
    readonly elements: readonly { readonly action_id: string; readonly value: string }[];
  }[];
}

/** Posts the question and answers the message as Slack would show it. */
async function posted(on: Chiron): Promise<Posted> {
  const run = await ended(on, "ask");
  const { body } = slack.requests.at(-1)!;
  return { ...run.result.output, text: body.text, blocks: body.blocks };
}

function invoke(on: Chiron, message: Posted, action: string, click: object = {}) {
  const button = message.blocks[1]!.elements.find((one) => one.action_id === action)!;
  const who = { user: { id: "U12345", username: "ada" }, channel: { id: message.channel }, ...click };
  return on.post("/api/workflows/actions/invoke", { button, click: who, message, idempotency_key: `${action}-1` });
}

/** What the clicked message said, one line for each change. */
const shownBy = (): string[] =>
  slack.requests
    .filter((request) => request.method === "chat.update")
    .map(({ body }) => (body.blocks ? JSON.stringify(body.blocks.at(-1)) : body.text));

test("a click starts the workflow, and its message shows processing, then done", async () => {
  const dev = await start(["--slack", "live"], { CENTAUR_JWT_SIGNING_SECRET: "signing secret" });
  const message = await posted(dev);
  expect(message.blocks[1]!.elements.map(({ value }) => value.split(".")[0])).toEqual(["v1", "v1"]);
  const { run_id } = (await invoke(dev, message, "yes")).body;
  const run = await dev.finished(run_id);
  const text = await (await fetch(`${dev.url}/api/workflows/runs/${run_id}`)).text();
  expect(text).toContain(`"output":12345678901234567890`);
  expect(run.input.click).toMatchObject({ action: "yes", label: "Approve", user: { id: "U12345", name: "ada" } });
  expect(shownBy()).toEqual([
    expect.stringContaining(":hourglass_flowing_sand: *Approve* by <@U12345> …"),
    expect.stringContaining(":white_check_mark: *Approve* by <@U12345>"),
  ]);
  const { checkpoints } = (await dev.get(`/api/workflows/runs/${run_id}/checkpoints`)).body;
  expect(checkpoints.map((one: { name: string }) => one.name)).toEqual([
    "$slack_button.processing:1",
    "pause",
    "$slack_button.updated",
  ]);
  expect((await invoke(dev, message, "yes")).body).toMatchObject({ created: false, run_id });
});

test("a click whose run fails gives the message its buttons back, which work again", async () => {
  const dev = await start();
  const message = await posted(dev);
  const { task_id } = (await invoke(dev, message, "no")).body;
  await dev.nextEvent((event) => event["type"] === "run.failed" && event["taskId"] === task_id);
  await dev.post(`/api/workflows/runs/${task_id}/cancel`, {});
  const restored = slack.requests.at(-1)!.body as Posted;
  expect(restored.blocks.map(({ type }) => type)).toEqual(["section", "actions", "context"]);
  const { checkpoints } = (await dev.get(`/api/workflows/runs/${task_id}/checkpoints`)).body;
  expect(checkpoints.map((one: { name: string }) => one.name)).toEqual([
    "$slack_button.processing:1",
    "$slack_button.restore:1",
  ]);
  const again = await invoke(dev, { ...restored, channel: "C1", ts: message.ts }, "yes");
  expect((await dev.finished(again.body.run_id)).status).toBe("completed");
});

test("a workflow that changes the clicked message itself has the last word", async () => {
  const dev = await start();
  const message = await posted(dev);
  const { run_id } = (await invoke(dev, message, "yes", { note: true })).body;
  expect((await dev.finished(run_id)).status).toBe("completed");
  expect(shownBy()).toEqual([expect.stringContaining("hourglass"), "Deployed by me"]);
});

test("a message that cannot be changed does not fail the run", async () => {
  const dev = await start();
  const message = await posted(dev);
  slack.next(reply(200, { ok: false, error: "message_not_found" }));
  const { run_id } = (await invoke(dev, message, "yes")).body;
  expect((await dev.finished(run_id)).status).toBe("completed");
  const { logs } = (await dev.get(`/api/workflows/runs/${run_id}/logs`)).body;
  expect(logs).toMatchObject([{ level: "warn", message: expect.stringContaining("message_not_found") }]);
});

test("the command line lists the outbox, shows a message and clicks on its buttons", async () => {
  const dev = await start([]);
  await ended(dev, "ask");
  const list = await runChiron(project.dir, ["outbox", "--kind", "slack"]);
  expect(list.stdout).toMatch(/post_to_slack +C1 +stubbed +done .* ask +Deploy\? \[ Approve \] yes \[ Reject \] no/);
  const { effects } = JSON.parse((await runChiron(project.dir, ["outbox", "list", "--json"])).stdout);
  const id: string = effects[0].id;
  const shown = await runChiron(project.dir, ["outbox", "show", id.slice(-8)]);
  expect(shown.stdout).toContain("│ Deploy?");
  expect(shown.stdout).toContain("[ Approve ] yes   [ Reject ] no");
  const clicked = JSON.parse((await runChiron(project.dir, ["outbox", "click", id, "yes", "--json"])).stdout);
  expect((await dev.finished(clicked.run_id)).status).toBe("completed");
  const page = await runChiron(project.dir, ["runs", "show", clicked.run_id]);
  expect(page.stdout).toContain("Reached outside");
  const none = await runChiron(project.dir, ["outbox", "click", id, "maybe"]);
  expect({ code: none.code, stderr: none.stderr }).toEqual({
    code: 5,
    stderr: expect.stringContaining("Its buttons: yes, no."),
  });
  expect((await runChiron(project.dir, ["outbox", "show", "xyz"])).code).toBe(2);
});
