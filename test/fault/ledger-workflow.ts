// A workflow whose steps leave a line each in an append-only ledger: what really happened, whatever the store says.

/** Steps a, b; a sleep; step c; an event; step d. Then the result counts what the handler saw. */
export const LEDGER_WORKFLOW = `
import os

WORKFLOW_NAME = "ledger"


def note(inp, word):
    fd = os.open(inp["ledger"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(fd, (word + "\\n").encode())
    os.close(fd)
    return word


async def handler(inp, ctx):
    seen = [await ctx.step("a", lambda: note(inp, "a")), await ctx.step("b", lambda: note(inp, "b"))]
    await ctx.sleep("nap", inp.get("nap", 0.05))
    seen.append(await ctx.step("c", lambda: note(inp, "c")))
    if inp.get("fail_once") and ctx.run_id == await ctx.step("first run", lambda: ctx.run_id):
        raise ValueError("the first attempt fails")
    payload = await ctx.wait_for_event("go", "go", inp["id"])
    seen.append(await ctx.step("d", lambda: note(inp, "d")))
    return {"seen": seen, "payload": payload}
`;

/** How often each word stands in the ledger. */
export function countWords(ledger: string): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const word of ledger.split("\n").filter((line) => line !== "")) counts[word] = (counts[word] ?? 0) + 1;
  return counts;
}
