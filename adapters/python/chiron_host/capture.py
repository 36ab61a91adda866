"""Pipes behind fd 1 and fd 2, read by a thread, so that raw writes and subprocess output become log lines.

A writer is never blocked for long: the thread reads and drops what is over the limit. drain() lets the loop's thread take what is
waiting now, so that output written before a run's end is still that run's.
"""

from __future__ import annotations

import codecs
import fcntl
import os
import select
import threading
from collections.abc import Callable

_CHUNK = 65536
_LOWEST = 16
"""Out of the way of code that closes small numbers."""
_DRAIN_CHUNKS = 64
"""One drain takes at most 4 MiB: a subprocess that never stops writing must not hold the loop."""


class Capture:
    """Reads both descriptors; `write(source, text)` gets decoded text, from any thread but never from two at once."""

    def __init__(self, write: Callable[[str, str], None]) -> None:
        self._write = write
        self._lock = threading.Lock()
        self._ends: list[tuple[int, str, codecs.IncrementalDecoder]] = []
        self._targets: list[tuple[int, int, int]] = []
        self._poll = select.poll()
        decoder = codecs.getincrementaldecoder("utf-8")
        for fd, source in ((1, "stdout"), (2, "stderr")):
            read_end, write_end = os.pipe()
            os.dup2(write_end, fd, inheritable=True)
            self._targets.append((fd, fcntl.fcntl(write_end, fcntl.F_DUPFD_CLOEXEC, _LOWEST), os.fstat(fd).st_ino))
            os.close(write_end)
            os.set_blocking(read_end, False)
            self._ends.append((read_end, source, decoder("replace")))
            self._poll.register(read_end, select.POLLIN)
        threading.Thread(target=self._run, name="chiron-capture", daemon=True).start()
        os.register_at_fork(after_in_child=self._after_fork)

    def restore(self) -> None:
        """Undo what a handler did to fd 1 and fd 2: they belong to every run of the process."""
        for fd, kept, inode in self._targets:
            try:
                untouched = os.fstat(fd).st_ino == inode
            except OSError:
                untouched = False
            if not untouched:
                os.dup2(kept, fd, inheritable=True)

    def _after_fork(self) -> None:
        for read_end, _, _ in self._ends:
            os.close(read_end)
        for _, kept, _ in self._targets:
            os.close(kept)
        self._ends = []
        self._targets = []

    def _run(self) -> None:
        while self._ends:
            self._poll.poll()
            self.drain()

    def drain(self) -> None:
        """Take everything that waits in the pipes now."""
        with self._lock:
            for read_end, source, decoder in self._ends:
                for _ in range(_DRAIN_CHUNKS):
                    try:
                        data = os.read(read_end, _CHUNK)
                    except BlockingIOError:
                        break
                    text = decoder.decode(data)
                    if text:
                        self._write(source, text)
                    if len(data) < _CHUNK // 2:
                        break
