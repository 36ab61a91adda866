"""Holds the event loop: for a while, or until the process ends."""

import pathlib
import time

WORKFLOW_NAME = "blocks"


async def handler(inp, ctx):
    ctx.log("begun")
    await ctx.step("first", lambda: 1)
    if "marker" in inp:
        pathlib.Path(inp["marker"]).touch()
    end = time.monotonic() + inp.get("seconds", 3600)
    while time.monotonic() < end:
        time.sleep(0.01)
    return "moved on"
