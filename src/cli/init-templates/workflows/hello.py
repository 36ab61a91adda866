"""Greets somebody, in two steps and a pause.

Try:  chiron run hello --input '{"name": "Ada"}' --follow
Stop the engine during the pause and start it again: the run goes on where it was.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

WORKFLOW_NAME = "hello"


@dataclass
class Input:
    """What a run is started with. Fields without a default are required."""

    name: str = "world"
    pause_seconds: float = 3.0


async def handler(inp: Input, ctx: Any) -> dict[str, Any]:
    """Greet a person by name after a short pause."""
    # A step runs once. Its result is stored before the next line runs, so that a restart never repeats it.
    greeting = await ctx.step("greet", lambda: f"Hello, {inp.name}!")
    ctx.log("greeted", name=inp.name)

    # A durable sleep holds no process: a restart does not shorten or lengthen it.
    await ctx.sleep("pause", timedelta(seconds=inp.pause_seconds))

    # What differs from time to time (clocks, random numbers, answers of other systems) belongs into a step too.
    finished = await ctx.step("finish", lambda: datetime.now(timezone.utc).isoformat())
    return {"greeting": greeting, "finished_at": finished}
