"""Sends lines to the runtime: gathered during one turn of the event loop, written with one system call, never blocking the loop.

Any thread may send. When the runtime does not read, lines wait here; each run's share is bounded by its log limit and by the answers
it waits for. A closed pipe ends the process: no host outlives its runtime.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections import deque

from .ending import end_orphaned


class Writer:
    """The one way out. `send` is for the loop's thread, `send_from_thread` for all others, `send_now` while the loop is stuck."""

    def __init__(self, fd: int, loop: asyncio.AbstractEventLoop) -> None:
        self._fd = fd
        self._loop = loop
        self._thread = threading.get_ident()
        self._lines: deque[str] = deque()
        self._rest = memoryview(b"")
        self._lock = threading.Lock()
        self._scheduled = False
        self._waiting = False
        os.set_blocking(fd, False)

    @property
    def empty(self) -> bool:
        """Whether everything that was sent has been written."""
        return not self._rest and not self._lines

    def send(self, line: str) -> None:
        """Queue a line (with its newline) for the end of this turn of the loop."""
        self._lines.append(line)
        if not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self.flush)

    def send_from_anywhere(self, line: str) -> None:
        """Queue a line from whatever thread this is."""
        if threading.get_ident() == self._thread:
            self.send(line)
        else:
            self._lines.append(line)
            self._loop.call_soon_threadsafe(self.flush)

    def send_now(self, line: str) -> None:
        """Write from another thread without waiting for the loop; what does not fit goes with the loop's next turn."""
        self._lines.append(line)
        with self._lock:
            stuck = self._write()
        if stuck:
            self._loop.call_soon_threadsafe(self.flush)

    def flush(self) -> None:
        """Write what is queued; arm the descriptor if it does not take everything."""
        self._scheduled = False
        with self._lock:
            stuck = self._write()
        if stuck and not self._waiting:
            self._waiting = True
            self._loop.add_writer(self._fd, self._writable)

    def _writable(self) -> None:
        with self._lock:
            stuck = self._write()
        if not stuck:
            self._waiting = False
            self._loop.remove_writer(self._fd)

    def _write(self) -> bool:
        """Write until nothing is left or the descriptor is full; True in the second case. The lock is held."""
        lines = self._lines
        while True:
            if not self._rest:
                if not lines:
                    return False
                batch: list[str] = []
                for _ in range(len(lines)):
                    batch.append(lines.popleft())
                self._rest = memoryview("".join(batch).encode("ascii", "backslashreplace"))
            try:
                written = os.write(self._fd, self._rest)
            except BlockingIOError:
                return True
            except OSError:
                end_orphaned()
            self._rest = self._rest[written:]
