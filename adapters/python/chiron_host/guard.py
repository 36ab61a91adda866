"""Holds every task of a run: once the run is frozen none of its code runs again, not even a `finally`.

Each coroutine that a run starts is wrapped; the wrapper is what asyncio drives. It also tells the watchdog whose code is running,
lets the run notice that it is still moving, and keeps SystemExit and KeyboardInterrupt from ending the process.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextvars import ContextVar
from typing import Any, Protocol

from .failures import HandlerExit


class Guarded(Protocol):
    """What the guard needs of a run."""

    frozen: bool
    activity: int
    tasks: set[asyncio.Task[Any]]


class Running:
    """Whose code the loop's thread executes now; written by the guard, read by the watchdog."""

    run: Guarded | None = None


current_run: ContextVar[Guarded | None] = ContextVar("chiron_run", default=None)


class Guard(Coroutine[Any, Any, Any]):
    """A coroutine that runs as long as its run is not frozen."""

    __slots__ = ("_coro", "_run")

    def __init__(self, coro: Any, run: Guarded) -> None:
        self._coro = coro
        self._run = run

    def send(self, value: Any) -> Any:
        run = self._run
        if run.frozen:
            return _never()
        run.activity += 1
        before = Running.run
        Running.run = run
        try:
            return self._coro.send(value)
        except (SystemExit, KeyboardInterrupt) as error:
            raise HandlerExit(error) from error
        finally:
            Running.run = before

    def throw(self, typ: Any, val: Any = None, tb: Any = None) -> Any:
        run = self._run
        if run.frozen:
            return _never()
        run.activity += 1
        before = Running.run
        Running.run = run
        try:
            return self._coro.throw(typ if val is None else val)
        except (SystemExit, KeyboardInterrupt) as error:
            raise HandlerExit(error) from error
        finally:
            Running.run = before

    def close(self) -> None:
        if not self._run.frozen:
            self._coro.close()

    def __await__(self) -> Any:
        return self._coro.__await__()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._coro, name)


def _never() -> Any:
    future: Any = asyncio.get_running_loop().create_future()
    future._asyncio_future_blocking = True
    return future


def task_factory(loop: asyncio.AbstractEventLoop, coro: Any, **options: Any) -> asyncio.Task[Any]:
    """Makes the tasks of the loop; those started by a run's code belong to that run."""
    run = current_run.get()
    if run is None:
        return asyncio.Task(coro, loop=loop, **options)
    task: asyncio.Task[Any] = asyncio.Task(Guard(coro, run), loop=loop, **options)
    run.tasks.add(task)
    task.add_done_callback(run.tasks.discard)
    return task
