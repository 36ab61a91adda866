"""Passes large values through a step and the result."""

WORKFLOW_NAME = "big"


async def handler(inp, ctx):
    value = await ctx.step("large", lambda: "ä" * inp["characters"])
    return {"given": len(inp.get("text", "")), "value": value}
