"""Asks the engine for a tool and answers with what came back."""

WORKFLOW_NAME = "asks"


async def handler(inp, ctx):
    try:
        return await ctx.call_tool("weather", "today", {"city": "Köln"})
    except RuntimeError as error:
        return f"refused: {error}"
