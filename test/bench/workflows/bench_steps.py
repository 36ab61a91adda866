"""Trivial sequential steps: what the engine costs, and nothing else."""

from dataclasses import dataclass

from api.workflow_engine import WorkflowContext

WORKFLOW_NAME = "bench_steps"


@dataclass
class Input:
    steps: int = 5


async def handler(inp: Input, ctx: WorkflowContext) -> int:
    total = 0
    for number in range(inp.steps):
        total += await ctx.step(f"step {number}", lambda: 1)
    return total
