"""Reads lines from the runtime: a pipe, socket, terminal, regular file or /dev/null, lines of any length, last one with or without newline."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable

_CHUNK = 262144


class LineSplitter:
    """Cuts a stream of bytes into lines without looking at any byte twice."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def feed(self, chunk: bytes) -> list[str]:
        """The lines that this chunk completes, without their newlines."""
        end = chunk.rfind(b"\n")
        if end < 0:
            self._parts.append(chunk)
            return []
        self._parts.append(chunk[:end])
        text = b"".join(self._parts).decode("utf-8", "replace")
        self._parts = [chunk[end + 1 :]] if end + 1 < len(chunk) else []
        return text.split("\n")

    def rest(self) -> str:
        """What stood after the last newline when the stream ended."""
        return b"".join(self._parts).decode("utf-8", "replace")


def read_line(fd: int) -> tuple[bytes, bytes, bool]:
    """Block until a line is there: the line, what was read behind it, and whether the stream has ended without a newline."""
    parts: list[bytes] = []
    while True:
        chunk = os.read(fd, _CHUNK)
        line, newline, rest = chunk.partition(b"\n")
        parts.append(line)
        if newline:
            return b"".join(parts), rest, False
        if not chunk:
            return b"".join(parts), b"", True


def attach(loop: asyncio.AbstractEventLoop, fd: int, feed: Callable[[bytes], None], end: Callable[[], None]) -> None:
    """Feed every chunk to the loop. What epoll refuses (regular files) is read by a thread."""

    def readable() -> None:
        while True:
            try:
                chunk = os.read(fd, _CHUNK)
            except BlockingIOError:
                return
            except OSError:
                chunk = b""
            if not chunk:
                loop.remove_reader(fd)
                end()
                return
            feed(chunk)
            if len(chunk) < _CHUNK:
                return

    try:
        loop.add_reader(fd, readable)
        os.set_blocking(fd, False)
    except (PermissionError, OSError):
        threading.Thread(target=_read_blocking, args=(loop, fd, feed, end), name="chiron-input", daemon=True).start()


def _read_blocking(
    loop: asyncio.AbstractEventLoop, fd: int, feed: Callable[[bytes], None], end: Callable[[], None]
) -> None:
    while True:
        try:
            chunk = os.read(fd, _CHUNK)
        except OSError:
            chunk = b""
        if not chunk:
            loop.call_soon_threadsafe(end)
            return
        loop.call_soon_threadsafe(feed, chunk)
