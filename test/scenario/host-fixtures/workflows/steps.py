"""Records one step after the other."""

WORKFLOW_NAME = "steps"


async def handler(inp, ctx):
    values = []
    for number in range(inp.get("count", 3)):
        values.append(await ctx.step(f"step {number}", lambda number=number: {"number": number}))
    print("printed", len(values))
    return values
