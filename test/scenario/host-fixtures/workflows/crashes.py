"""Ends its process in every way there is."""

import ctypes
import os
import signal

WORKFLOW_NAME = "crashes"


async def handler(inp, ctx):
    ctx.log("begun")
    how = inp["how"]
    if how == "segfault":
        ctypes.string_at(0)
    elif how == "exit":
        os._exit(3)
    elif how == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    return "survived"
