"""Sleeps, then records a step; tells when its finally block runs."""

WORKFLOW_NAME = "waits"


async def handler(inp, ctx):
    try:
        await ctx.sleep("nap", 60)
        return await ctx.step("after", lambda: "slept")
    finally:
        ctx.log("finally")
