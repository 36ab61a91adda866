"""A thread that notices what the event loop cannot: that the loop is stuck, and that the runtime is gone."""

from __future__ import annotations

import asyncio
import os
import select
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType

from .ending import end_orphaned
from .guard import Running
from .snapshot import is_foreign

_TICK_MS = 250
_FIRST_S = 1.0
_AGAIN_S = 5.0
_GRACE_S = 0.05
"""For the loop to read what the runtime sent last, before the process ends under it."""


class Watchdog:
    """Tells `stalled(ms, run, where)` after a second without a turn of the loop and every five seconds then, and `moving(ms)`."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        fd: int,
        stalled: Callable[[float, object, str], None],
        moving: Callable[[float], None],
    ) -> None:
        self._loop = loop
        self._fd = fd
        self._stalled = stalled
        self._moving = moving
        self._main = threading.get_ident()
        self._beaten = True

    def start(self) -> None:
        """Watch from a daemon thread."""
        threading.Thread(target=self._run, name="chiron-watchdog", daemon=True).start()

    def _run(self) -> None:
        poll = select.poll()
        poll.register(self._fd, getattr(select, "POLLRDHUP", 0))
        asked = time.monotonic()
        told = 0.0
        while True:
            if poll.poll(_TICK_MS):
                time.sleep(_GRACE_S)
                end_orphaned()
            now = time.monotonic()
            if not self._beaten:
                if now - asked >= (told + _AGAIN_S if told else _FIRST_S):
                    told = now - asked
                    self._stalled(told * 1000, Running.run, self._where())
                continue
            if told:
                self._moving((now - asked) * 1000)
                told = 0.0
            asked = now
            self._beaten = False
            self._loop.call_soon_threadsafe(self._beat)

    def _beat(self) -> None:
        self._beaten = True

    def _where(self) -> str:
        """The deepest frame of the project's own code, else the deepest frame."""
        deepest: FrameType | None = sys._current_frames().get(self._main)  # pyright: ignore[reportPrivateUsage]
        frame = deepest
        while frame is not None:
            file = frame.f_code.co_filename
            if os.path.isabs(file) and not is_foreign(file):
                return _name(frame)
            frame = frame.f_back
        return "" if deepest is None else _name(deepest)


def _name(frame: FrameType) -> str:
    return f"{frame.f_code.co_filename}:{frame.f_lineno} in {frame.f_code.co_name}"
