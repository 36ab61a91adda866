"""Says when its first line ran."""

import time

from api.workflow_engine import WorkflowContext

WORKFLOW_NAME = "bench_clock"


async def handler(inp: object, ctx: WorkflowContext) -> float:
    first_ms = time.time() * 1000
    return await ctx.step("clock", lambda: first_ms)
