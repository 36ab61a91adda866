"""Writes far more than anybody wants to read, then goes on."""

import os

WORKFLOW_NAME = "noisy"


async def handler(inp, ctx):
    line = "x" * 999
    for _ in range(inp["megabytes"] * 1000):
        print(line)
    os.write(1, b"straight to the descriptor\n")
    return await ctx.step("after", lambda: "quiet")
