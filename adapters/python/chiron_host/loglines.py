"""Turns what a run writes into log lines, under a limit in bytes for the run and one in characters for a line.

Safe from any thread. When the limit is passed there is one last line that says so; what follows costs nothing.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

Emit = Callable[[str, str, str, "str | None"], None]
"""level, source, message, fields as JSON text."""

LEVELS = {"stdout": "info", "stderr": "warn"}


class LineLog:
    """The log of one owner. `window` seconds after which the limit is granted anew; none for a run."""

    def __init__(self, emit: Emit, byte_limit: int, line_limit: int, window: float | None = None) -> None:
        self._emit = emit
        self._byte_limit = byte_limit
        self._line_limit = line_limit
        self._window = window
        self._left = byte_limit
        self._since = time.monotonic()
        self._lock = threading.Lock()
        self._partial: dict[str, str] = {}

    def line(self, level: str, source: str, message: str, fields: str | None = None) -> None:
        """One whole log line."""
        with self._lock:
            self._put(level, source, message, fields)

    def write(self, source: str, text: str) -> None:
        """Text of a stream: complete lines go out, the rest waits for its newline."""
        with self._lock:
            if self._left < 0 and not self._renewed():
                return
            first, newline, rest = text.partition("\n")
            pending = self._partial.pop(source, "")
            if len(pending) <= self._line_limit:
                pending += first[: self._line_limit + 1]
            if not newline:
                self._partial[source] = pending
                return
            self._put(LEVELS[source], source, pending, None)
            self._write_lines(source, rest)

    def _write_lines(self, source: str, text: str) -> None:
        start = 0
        while self._left >= 0:
            end = text.find("\n", start)
            if end < 0:
                if start < len(text):
                    self._partial[source] = text[start : start + self._line_limit + 1]
                return
            self._put(LEVELS[source], source, text[start : min(end, start + self._line_limit + 1)], None)
            start = end + 1

    def close(self) -> None:
        """Send what still waits for a newline."""
        if not self._partial:
            return
        with self._lock:
            for source, text in self._partial.items():
                self._put(LEVELS[source], source, text, None)
            self._partial.clear()

    def _put(self, level: str, source: str, message: str, fields: str | None) -> None:
        if self._left < 0 and not self._renewed():
            return
        if source in LEVELS:
            message = message.removesuffix("\r")
            if not message:
                return
            if len(message) > self._line_limit:
                message = message[: self._line_limit] + "…"
        self._left -= len(message) + 1 + (len(fields) if fields else 0)
        if self._left < 0:
            self._partial.clear()
            self._emit("warn", "chiron", f"log truncated: more than {self._byte_limit} bytes were written", None)
        else:
            self._emit(level, source, message, fields)

    def _renewed(self) -> bool:
        if self._window is None or time.monotonic() - self._since < self._window:
            return False
        self._since = time.monotonic()
        self._left = self._byte_limit
        return True
