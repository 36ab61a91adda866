"""sys.stdout and sys.stderr that know who writes: text goes to the log of the current run. fileno() is the real descriptor."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from typing import Any

Write = Callable[[str, str], None]
"""source, text."""


class _Bytes(io.RawIOBase):
    def __init__(self, text: LogStream) -> None:
        super().__init__()
        self._text = text

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._text.fileno()

    def write(self, data: Any, /) -> int:
        content = bytes(data)
        self._text.write(content.decode("utf-8", "replace"))
        return len(content)


class LogStream(io.TextIOBase):
    """A text stream whose writes become log lines."""

    mode = "w"
    line_buffering = True

    def __init__(self, source: str, fd: int, write: Write) -> None:
        super().__init__()
        self.name = f"<{source}>"
        self._source = source
        self._fd = fd
        self._write = write
        self._bytes = _Bytes(self)

    @property
    def encoding(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        return "utf-8"

    @property
    def errors(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        return "backslashreplace"

    @property
    def buffer(self) -> io.RawIOBase:
        return self._bytes

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return False

    def fileno(self) -> int:
        return self._fd

    def reconfigure(self, **_: object) -> None:
        """Accepted and without effect: there is nothing to configure."""

    def close(self) -> None:
        """Stays open: closing it would take the log away from every run of the process."""

    def write(self, text: str, /) -> int:
        self._write(self._source, text)
        return len(text)


def install(write: Write) -> None:
    """Replace both standard text streams."""
    sys.stdout = sys.__stdout__ = LogStream("stdout", 1, write)  # pyright: ignore[reportAttributeAccessIssue]
    sys.stderr = sys.__stderr__ = LogStream("stderr", 2, write)  # pyright: ignore[reportAttributeAccessIssue]
