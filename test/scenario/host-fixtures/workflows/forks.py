"""Leaves a forked child and a subprocess behind, both of which write to the standard output."""

import os
import subprocess
import time

WORKFLOW_NAME = "forks"


async def handler(inp, ctx):
    child = os.fork()
    if child == 0:
        print('{"t":"result","r":1}')
        os.write(1, b"forged\n")
        time.sleep(3600)
        os._exit(0)
    other = subprocess.Popen(["sleep", "3600"])
    return {"pid": os.getpid(), "children": [child, other.pid]}
