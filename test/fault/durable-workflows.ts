// Workflows that leave a line in the ledger for everything that they really do, and that wait for a file where a test wants to meet them.
import { LEDGER_MODULE } from "./observe.ts";

const HEAD = "import asyncio\nimport os\n\nfrom workflows.ledger import note\n";

/** `body` is the handler's, indented by four spaces. */
function workflow(name: string, body: string, head = ""): string {
  return `${HEAD}${head}\nWORKFLOW_NAME = "${name}"\n\n\nasync def handler(inp, ctx):\n${body}`;
}

/** Holds a run, without holding the loop, until the test makes the file. */
const HOLD = `
async def held(name):
    note(f"at {name}")
    while not os.path.exists(os.path.join(os.environ["LEDGERS"], name)):
        await asyncio.sleep(0.01)
    return name
`;

export const DURABLE_WORKFLOWS: Readonly<Record<string, string>> = {
  "workflows/ledger.py": LEDGER_MODULE,
  "workflows/in_step.py": workflow(
    "in_step",
    `    first = await ctx.step("first", lambda: note("first"))
    second = await ctx.step("second", lambda: held("in-step"))
    return [first, second, await ctx.step("third", lambda: note("third"))]
`,
    HOLD,
  ),
  "workflows/between.py": workflow(
    "between",
    `    first = await ctx.step("first", lambda: note("first"))
    await held("between")
    return [first, await ctx.step("second", lambda: note("second"))]
`,
    HOLD,
  ),
  "workflows/naps.py": workflow(
    "naps",
    `    before = await ctx.step("before", lambda: [ctx.run_id, note("before")][0])
    await ctx.sleep("nap", inp["seconds"])
    note("awake")
    return {"before": before, "after": ctx.run_id}
`,
  ),
  "workflows/listens.py": workflow(
    "listens",
    `    await ctx.step("before", lambda: note("before"))
    payload = await ctx.wait_for_event("answer", "asked", inp["id"], timeout=inp.get("timeout"))
    return {"payload": payload, "run": ctx.run_id}
`,
  ),
  "workflows/quick.py": workflow("quick", `    return await ctx.step("only", lambda: inp.get("value", "quick"))\n`),
};
