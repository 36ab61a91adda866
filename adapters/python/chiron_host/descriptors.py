"""Takes the protocol's descriptors away from workflow code before any of it is imported.

Afterwards fd 0 reads nothing and fd 1 is fd 2: no print, C extension or subprocess can reach the protocol. A forked child loses
the private descriptors too. What fd 1 and fd 2 become in the extended protocol is capture.py's affair.
"""

import fcntl
import io
import os
import sys
from typing import NamedTuple

_LOWEST = 16
"""Private descriptors start here, so that the small numbers look as they would without a host."""


class Descriptors(NamedTuple):
    """The protocol's input and output, and the original stderr for what must be seen even if the protocol is gone."""

    input: int
    output: int
    errors: int


def take() -> Descriptors:
    """Move the protocol to private, non-inheritable descriptors and close the standard ones to it."""
    taken = Descriptors(_private(0), _private(1), _private(2))
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    if not _is_open(2):
        os.dup2(null, 2)
    os.dup2(2, 1)
    for standard in (0, 1, 2):
        os.set_inheritable(standard, True)
    if null > 2:
        os.close(null)
    os.register_at_fork(after_in_child=lambda: _after_fork(taken))
    return taken


def _private(fd: int) -> int:
    try:
        return fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, _LOWEST)
    except OSError:
        null = os.open(os.devnull, os.O_RDWR)
        try:
            return fcntl.fcntl(null, fcntl.F_DUPFD_CLOEXEC, _LOWEST)
        finally:
            os.close(null)


def _is_open(fd: int) -> bool:
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True


def _after_fork(taken: Descriptors) -> None:
    """In a forked child the private numbers lead nowhere, and print goes to the plain descriptors, which the parent captures."""
    null = os.open(os.devnull, os.O_RDWR)
    for fd in taken:
        os.dup2(null, fd, inheritable=False)
    os.close(null)
    sys.stdout = io.TextIOWrapper(open(1, "wb", 0, closefd=False), "utf-8", "backslashreplace", write_through=True)
    sys.stderr = io.TextIOWrapper(open(2, "wb", 0, closefd=False), "utf-8", "backslashreplace", write_through=True)
