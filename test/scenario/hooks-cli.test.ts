// `chiron hooks` against a real server: what a sender does, what an owner asks.
import { spawn } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { makeProject, runChiron, startChiron, type Chiron, type Project } from "../support/chiron-process.ts";

const WORKFLOW = `
WORKFLOW_NAME = "triage"
WEBHOOKS = [
    {
        "slug": "github-triage",
        "provider": "github",
        "auth": {"type": "github", "secret_ref": ["HOOK_SECRET", "HOOK_SECRET_OLD"]},
        "trigger_key": {"type": "header", "header": "X-GitHub-Delivery"},
    },
    {"slug": "paid", "auth": {"type": "stripe", "secret_ref": "STRIPE_SECRET"}},
    {"slug": "sms", "auth": {"type": "twilio", "secret_ref": "HOOK_SECRET"}, "allowed_content_types": ["application/x-www-form-urlencoded"]},
    {"slug": "unset", "auth": {"type": "bearer", "secret_ref": "NEVER_SET"}},
    {"slug": "token", "auth": {"type": "query", "secret_ref": "HOOK_SECRET", "parameter": "key"}},
    {"slug": "wanted", "filter": {"source": "body", "key": "action", "op": "equals", "value": "opened"}},
]


async def handler(inp, ctx):
    return inp["webhook"]["body"]
`;
const ENV = `HOOK_SECRET="It's a Secret to Everybody"\nHOOK_SECRET_OLD=the-one-before\nHOOK_SECRET_NEXT=the-one-after\nSTRIPE_SECRET=stripe-secret-1\n`;

let project: Project;
let server: Chiron;

beforeAll(async () => {
  project = makeProject({ "workflows/triage.py": WORKFLOW, ".env": ENV });
  server = await startChiron(project);
});
afterAll(async () => {
  await server.kill();
  project.remove();
});

interface Ran {
  readonly code: number;
  readonly json: any;
  readonly stdout: string;
  readonly stderr: string;
}

async function hooks(...args: string[]): Promise<Ran> {
  const { code, stdout, stderr } = await runChiron(project.dir, ["hooks", ...args]);
  return { code, stdout, stderr, json: stdout.startsWith("{") ? JSON.parse(stdout) : null };
}

const statuses = ({ json }: Ran): number[] => json.answers.map((one: any) => one.status);

describe("send", () => {
  test("a sample starts a run each time, and its repetition none", async () => {
    const sent = await hooks("send", "github-triage", "--sample", "issues.opened", "--repeat", "3", "--json");
    expect([sent.code, statuses(sent)]).toEqual([0, [202, 200, 200]]);
    const ids = sent.json.answers.map((one: any) => one.body.task_id);
    expect(new Set(ids).size).toBe(1);
    const again = await hooks("send", "github-triage", "--sample", "issues.opened", "--json");
    expect(statuses(again)).toEqual([202]);
    expect((await server.finished(ids[0])).result.output.action).toBe("opened");
  });

  test("every way of signing gets the status it must get", async () => {
    const ways: [string, number][] = [
      ["auto", 202],
      ["previous-secret", 202],
      ["none", 401],
      ["tampered", 401],
      ["wrong-secret", 401],
    ];
    for (const [way, status] of ways) {
      const sent = await hooks("send", "github-triage", "--sign", way, "--json");
      expect([way, statuses(sent), sent.code]).toEqual([way, [status], status === 202 ? 0 : 3]);
    }
    for (const way of ["expired", "future"])
      expect(statuses(await hooks("send", "paid", "--sign", way, "--json")), way).toEqual([401]);
    expect((await hooks("send", "github-triage", "--sign", "expired")).stderr).toContain("signs no time here");
  });

  test("an address in the signature, a token in the query, a body of choice and a missing secret", async () => {
    expect(statuses(await hooks("send", "sms", "--json"))).toEqual([202]);
    const token = await hooks("send", "token", "--body", '{"n": 1}', "--json");
    expect(statuses(token)).toEqual([202]);
    const told = [(await hooks("deliveries", "--slug", "token", "--json")).stdout, JSON.stringify(server.events)];
    for (const text of told) expect(text).not.toContain("Everybody");
    const other = await hooks("send", "wanted", "--body", '{"action": "closed"}');
    expect([other.code, other.stdout]).toEqual([0, "200 filtered: the webhook does not want it\n"]);
    const unset = await hooks("send", "unset");
    expect([unset.code, unset.stderr]).toEqual([2, expect.stringContaining("NEVER_SET is not set here")]);
    const unsigned = await hooks("send", "unset", "--sign", "none");
    expect([unsigned.code, unsigned.stdout]).toEqual([3, expect.stringMatching(/^503 .*NEVER_SET.*again in 60 s/)]);
    const unknown = await hooks("send", "github-triaje");
    expect([unknown.code, unknown.stderr]).toEqual([5, expect.stringContaining("github-triage")]);
  });

  test("a secret of this project goes to no other machine unless it is named", async () => {
    const refused = await hooks("send", "paid", "--to", "https://flows.example.com");
    expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining("--secret")]);
    const nobody = await hooks("send", "wanted", "--to", "http://127.0.0.1:1");
    expect([nobody.code, nobody.stderr]).toEqual([7, expect.stringContaining("127.0.0.1:1 does not answer")]);
    const sent = await hooks("send", "paid", "--to", server.url, "--json");
    expect(statuses(sent)).toEqual([202]);
    const whole = `${server.url}/api/webhooks/wanted`;
    expect(statuses(await hooks("send", "paid", "--to", whole, "--secret", "STRIPE_SECRET", "--json"))).toEqual([200]);
  });
});

describe("explain", () => {
  test("names the check that failed, and the secret that would have fitted", async () => {
    await hooks("send", "github-triage", "--secret", "HOOK_SECRET_NEXT");
    const { code, json } = await hooks("explain", "last", "--slug", "github-triage", "--json");
    expect(code).toBe(0);
    expect(json.delivery).toMatchObject({ outcome: "rejected", status: 401 });
    expect(json.near_misses).toEqual([expect.stringContaining("fits the secret HOOK_SECRET_NEXT")]);
    const shown = (await hooks("explain", "last", "--slug", "github-triage")).stdout;
    expect(shown).toContain("It was refused with 401 at the check signature");
    expect(shown).toContain("add it to secret_ref");
  });

  test("tells what a filter missed, and which delivery a repetition repeats", async () => {
    await hooks("send", "wanted", "--body", '{"action":"closed","n":2}');
    expect((await hooks("explain", "last")).stdout).toContain('body action equals "opened", but it is "closed"');
    const first = await hooks("send", "wanted", "--body", '{"action":"opened","n":3}', "--json");
    await hooks("send", "wanted", "--body", '{"action":"opened","n":3}');
    const { json } = await hooks("explain", "last", "--json");
    expect(json).toMatchObject({ delivery: { outcome: "duplicate" }, first: first.json.answers[0].delivery_id });
    expect(json.verdict).toContain("the sender repeated itself");
  });

  test("an id that nobody has is not found", async () => {
    expect((await hooks("explain", "0123456789ab")).code).toBe(5);
    expect((await hooks("explain", "zzz")).code).toBe(2);
  });
});

describe("replay, record and lint", () => {
  const body = '{"sender":{"login":"mona-lisa","email":"mona@corp.io"},"note":"ask mona-lisa"}';

  test("a kept delivery goes out again: for the same run, for another one, to another server", async () => {
    const sent = await hooks("send", "github-triage", "--body", body, "--header", "X-GitHub-Delivery: d-1", "--json");
    const { task_id: task } = sent.json.answers[0].body;
    expect((await hooks("replay", "last", "--json")).json).toMatchObject({ task_id: task, idempotent: true });
    const anew = await hooks("replay", "last", "--new-run", "--json");
    expect(anew.json).toMatchObject({ idempotent: false });
    expect((await server.finished(anew.json.run_id)).result.output.note).toBe("ask mona-lisa");
    expect(statuses(await hooks("replay", "last", "--to", server.url, "--json"))).toEqual([200]);
    expect(statuses(await hooks("replay", "last", "--to", server.url, "--new-run", "--json"))).toEqual([202]);
  });

  test("a recorded delivery holds nobody's data, passes lint, and can be sent", async () => {
    const asked = await hooks("record", "last");
    expect([asked.code, asked.stderr]).toEqual([2, expect.stringContaining("--yes")]);
    const recorded = await hooks("record", "last", "--yes", "--name", "mona");
    expect([recorded.code, recorded.stdout]).toEqual([0, expect.stringContaining("wrote fixtures/mona.delivery.json")]);
    expect(recorded.stdout).toMatch(/^-.*mona@corp\.io/m);
    const file = project.read("fixtures/mona.delivery.json");
    expect(file).not.toContain("mona");
    expect(file).not.toContain("signature");
    expect((await hooks("lint")).code).toBe(0);
    const args = ["send", "github-triage", "--fixture", "fixtures/mona.delivery.json", "--new-id", "--json"];
    expect(statuses(await hooks(...args))).toEqual([202]);
  });

  test("live deliveries are recorded as they come, until so many are there", async () => {
    const launcher = path.resolve("scripts/chiron.mjs");
    const args = [
      launcher,
      "hooks",
      "record",
      "--slug",
      "wanted",
      "--count",
      "2",
      "--yes",
      "--out",
      "live",
      "--name",
      "w",
    ];
    const child = spawn(process.execPath, args, { cwd: project.dir, stdio: ["ignore", "pipe", "pipe"] });
    const ended = new Promise((resolve) => child.once("exit", resolve));
    await new Promise<void>((resolve) =>
      child.stderr.on("data", (chunk) => /waiting/.test(String(chunk)) && resolve()),
    );
    for (const n of [10, 11, 12])
      await hooks("send", n === 10 ? "paid" : "wanted", "--body", `{"action":"opened","n":${n}}`);
    expect(await ended).toBe(0);
    const files = fs.readdirSync(path.join(project.dir, "live")).toSorted();
    expect(files).toEqual(["w-2.delivery.json", "w.delivery.json"]);
  });

  test("lint finds the project's own secrets and tokens, and says where but not what", async () => {
    project.write("scenarios/bad.scenario.yaml", "deliveries:\n  - body: It's a Secret to Everybody\n");
    const found = await hooks("lint", "--json");
    expect(found.code).toBe(3);
    expect(found.json.findings).toEqual([
      { file: "scenarios/bad.scenario.yaml", line: 2, what: "the value of HOOK_SECRET, a secret of this project" },
    ]);
    expect(found.stdout).not.toContain("Everybody");
    fs.rmSync(path.join(project.dir, "scenarios"), { recursive: true });
  });
});

test("list shows which secrets are missing; samples can be printed; sign and verify agree", async () => {
  const { webhooks } = (await hooks("list", "--json")).json;
  expect(webhooks.find((one: any) => one.slug === "unset").secrets).toEqual([{ name: "NEVER_SET", state: "missing" }]);
  expect(webhooks.find((one: any) => one.slug === "github-triage").last_delivery).toMatchObject({
    slug: "github-triage",
  });
  expect((await hooks("list")).stdout).toContain("NEVER_SET missing");
  expect((await hooks("samples")).stdout).toMatch(/^github\s+issues\.opened/m);
  const sample = await hooks("samples", "github", "push");
  const file = project.write("push.json", sample.stdout);
  const [header, value] = (await hooks("sign", "github", file, "--secret", "HOOK_SECRET")).stdout.trim().split(": ");
  expect(header).toBe("x-hub-signature-256");
  const verify = (text: string) => hooks("verify", "github-triage", file, "--header", `${header}: ${text}`);
  expect((await verify(value!)).stdout).toBe("verified with HOOK_SECRET\n");
  const wrong = await verify(`${value!.slice(0, -1)}${value!.endsWith("0") ? "1" : "0"}`);
  expect([wrong.code, wrong.stdout]).toEqual([3, expect.stringContaining("does not fit")]);
  expect((await hooks("samples", "githup")).stderr).toContain("Did you mean github");
});
