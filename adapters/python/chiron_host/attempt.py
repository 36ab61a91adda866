"""Runs a handler from its input to its return value, the same in both protocols."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from .context import WorkflowContext
from .database import open_pool, why_no_pool
from .discovery import Workflow
from .hydrate import hydrate
from .session import Session
from .snapshot import Snapshot
from .threads import in_thread


async def attempt(
    workflow: Workflow,
    session: Session,
    value: Any,
    snapshot: Snapshot,
    keep_pool: Callable[[Any], None],
    stand_in: Any = None,
) -> Any:
    """The handler's return value. `keep_pool` is told of the database pool, for those who end without unwinding; a stand-in for the pool
    keeps one from being opened."""

    def warn(message: str) -> None:
        session.log("warn", message, None, "chiron")

    expected = stand_in is None and _mentions_pool(workflow, snapshot)
    pool = None if stand_in is not None else await open_pool(warn, expected=expected)
    keep_pool(pool)
    if pool is None and expected:
        warn(f"ctx._pool is None: {why_no_pool()}")
    try:
        inp, complaint = hydrate(workflow.module, value)
        if complaint is not None:
            warn(complaint)
        context = WorkflowContext(session, getattr(workflow.module, "AGENT_DEFAULTS", None), pool if stand_in is None else stand_in)
        return await _call(workflow.handler, inp, context)
    finally:
        keep_pool(None)
        if pool is not None:
            await pool.close()


async def _call(handler: Callable[..., Any], inp: Any, context: WorkflowContext) -> Any:
    """A plain function runs in a thread of its own, so that it holds up no other run. Cancelled, it is waited for."""
    if _is_async(handler):
        result = handler(inp, context)
    else:
        result = await in_thread(lambda: handler(inp, context))
    return await result if inspect.isawaitable(result) else result


def _is_async(handler: Callable[..., Any]) -> bool:
    called = inspect.unwrap(handler)
    return inspect.iscoroutinefunction(called) or inspect.iscoroutinefunction(getattr(called, "__call__", None))


_mentions: dict[str, bool] = {}


def _mentions_pool(workflow: Workflow, snapshot: Snapshot) -> bool:
    known = _mentions.get(workflow.path)
    if known is None:
        try:
            known = b"_pool" in snapshot.read(workflow.path)
        except OSError:
            known = False
        _mentions[workflow.path] = known
    return known
