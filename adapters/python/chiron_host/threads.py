"""Runs a plain function in a thread of its own, so that it holds up no other run of the process."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable
from typing import Any


async def in_thread(body: Callable[[], Any], name: str = "chiron-handler") -> Any:
    """What `body` returns or raises, SystemExit included. Cancelled, it is waited for: a thread cannot be stopped."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Any] = loop.create_future()
    context = contextvars.copy_context()

    def settle(method: Callable[[Any], None], outcome: Any) -> None:
        if not future.done():
            method(outcome)

    def work() -> None:
        try:
            outcome, method = context.run(body), future.set_result
        except (SystemExit, KeyboardInterrupt) as error:
            outcome, method = _Exit(error), future.set_result
        except BaseException as error:
            outcome, method = error, future.set_exception
        loop.call_soon_threadsafe(settle, method, outcome)

    threading.Thread(target=work, name=name, daemon=True).start()
    try:
        outcome = await asyncio.shield(future)
    except asyncio.CancelledError:
        # The run is over when its code is; when that takes too long the runtime ends the process.
        await asyncio.wait({future})
        raise
    if isinstance(outcome, _Exit):
        raise outcome.error
    return outcome


class _Exit:
    """Carries what a future would not take."""

    def __init__(self, error: BaseException) -> None:
        self.error = error
