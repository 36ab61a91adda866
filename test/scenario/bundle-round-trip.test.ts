// A run of one machine on another one, by the command line: exported and imported as a file, and pulled from a server that runs.
import fs from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Project } from "./cli-process.ts";

const SHOP = `
WORKFLOW_NAME = "shop"

async def handler(inp, ctx):
    await ctx.step("load", lambda: {"email": inp["email"], "user": {"name": "Grace Hopper"}})
    print("mail goes to", inp["email"])
    await ctx.step("count", lambda: 9007199254740993)
    if inp.get("boom"):
        raise ValueError("no stock for " + inp["email"])
    return {"to": inp["email"]}
`;
const EMAIL = "grace.hopper@navy.mil";

let server: Project;
let laptop: Project;
let failed: string;
let completed: string;

beforeAll(async () => {
  server = new Project();
  laptop = new Project();
  expect(await server.run(["init"])).toMatchObject({ exit: 0 });
  expect(await laptop.run(["init"])).toMatchObject({ exit: 0 });
  server.write("shop.py", SHOP);
  const start = async (input: object): Promise<string> => {
    const args = ["run", "shop", "--input", JSON.stringify(input), "--max-attempts", "1", "--wait", "--json"];
    return (JSON.parse((await server.run(args)).stdout) as { task_id: string }).task_id;
  };
  failed = await start({ email: EMAIL, boom: true });
  completed = await start({ email: EMAIL });
});
afterAll(async () => {
  await server.remove();
  await laptop.remove();
});

test("a failed run goes over as a file: shown, explained, not run, with nothing personal in it", async () => {
  const file = path.join(server.root, "failed.chiron");
  const exported = await server.run(["export", failed, "-o", file, "--html", "page.html", "--json"]);
  expect(exported.exit).toBe(0);
  expect(JSON.parse(exported.stdout)).toMatchObject({ ok: true, task_id: failed, redacted: true });
  expect(fs.statSync(file).mode & 0o077).toBe(0);
  const page = fs.readFileSync(path.join(server.root, "page.html"), "utf8");
  expect(page).toContain("ValueError: no stock for");
  expect(page).not.toContain(EMAIL);
  expect(await server.run(["export", failed, "-o", file])).toMatchObject({ exit: 6 });

  const imported = await laptop.run(["import", file]);
  expect(imported).toMatchObject({ exit: 0 });
  expect(imported.stdout).toContain(`imported shop ${failed} (failed, with stand-ins)`);
  const shown = await laptop.run(["runs", "show", failed]);
  expect(shown.stdout).toContain("by import failed");
  expect(shown.stdout).toContain("9007199254740993");
  expect(shown.stdout).not.toContain(EMAIL);
  expect(shown.stdout).not.toContain("Hopper");
  expect((await laptop.run(["runs", "explain", failed])).stdout).toContain("it never runs here");
  const retried = await laptop.run(["runs", "retry", failed]);
  expect(retried).toMatchObject({ exit: 6 });
  expect(retried.stderr).toContain("was imported");
  const listed = await laptop.run(["code", "list", "--json"]);
  const { generations } = JSON.parse(listed.stdout) as { generations: { id: string }[] };
  const code = generations.find(({ id }) => id.endsWith("-imported"))!;
  expect((await laptop.run(["code", "cat", code.id, "shop.py"])).stdout).toBe(SHOP);
});

test("a run is pulled from a server with a key, and compared here", async () => {
  const dev = await server.dev();
  try {
    const env = { PROD_KEY: "any" };
    const pull = ["pull", completed, "--from", dev.url, "--full"];
    expect(await laptop.run([...pull, "--key-env", "UNSET"])).toMatchObject({ exit: 2 });
    const pulled = await laptop.run([...pull, "--key-env", "PROD_KEY"], { env });
    expect(pulled).toMatchObject({ exit: 0 });
    expect(await laptop.run(pull)).toMatchObject({ exit: 6 });
    expect(await laptop.run(["pull", crypto.randomUUID(), "--from", dev.url])).toMatchObject({ exit: 5 });
  } finally {
    await dev.stop();
  }
  expect((await laptop.run(["runs", "show", completed])).stdout).toContain(EMAIL);
  const different = await laptop.run(["diff", failed, completed]);
  expect(different.exit).toBe(1);
  expect(different.stdout).toContain("first difference: the inputs differ at $.email");
});

test("a golden run holds later code against what it did, without running a recorded body", async () => {
  for (const id of [failed, completed]) expect(await server.run(["golden", "add", id])).toMatchObject({ exit: 0 });
  expect(await server.run(["test", "golden"])).toMatchObject({ exit: 0 });
  server.write(
    "shop.py",
    SHOP.replace('return {"to": inp["email"]}', "return {}").replace("9007199254740993", "1 / 0"),
  );
  const changed = await server.run(["test", "golden"]);
  expect(changed.exit).toBe(1);
  expect(changed.stdout).toMatch(/1 passed|1 failed/);
  server.write("shop.py", SHOP);
});

test("files that are no bundles, and servers that are none, have their own errors", async () => {
  const whole = fs.readFileSync(path.join(server.root, "failed.chiron"));
  const write = (name: string, content: Buffer): string => {
    fs.writeFileSync(path.join(laptop.root, name), content);
    return name;
  };
  const codeOf = async (args: string[]): Promise<string> => {
    const { stdout, exit } = await laptop.run([...args, "--json"]);
    expect(exit).not.toBe(0);
    return (JSON.parse(stdout) as { code: string }).code;
  };
  expect(await codeOf(["import", "nowhere.chiron"])).toBe("not_found");
  expect(await codeOf(["import", write("text", Buffer.from("hello"))])).toBe("bundle_invalid");
  expect(await codeOf(["import", write("half", whole.subarray(0, whole.length / 2))])).toBe("bundle_truncated");
  expect(await codeOf(["pull", failed, "--from", "ftp://x"])).toBe("bad_request");
  expect(await codeOf(["pull", failed, "--from", "http://127.0.0.1:1"])).toBe("unavailable");
});
