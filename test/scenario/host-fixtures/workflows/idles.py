"""Waits inside a step, in the way that lets others run; tells its process id."""

import asyncio
import os

WORKFLOW_NAME = "idles"


async def handler(inp, ctx):
    ctx.log("begun", pid=os.getpid())
    try:
        await asyncio.sleep(inp.get("seconds", 3600))
    finally:
        ctx.log("finally")
    return os.getpid()
