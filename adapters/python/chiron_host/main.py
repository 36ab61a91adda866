"""Starts the host: descriptors first, then the protocol that the first line asks for."""

from __future__ import annotations

import faulthandler
import json
import os
import sys
from typing import Any

from . import descriptors
from .reader import read_line


def main() -> None:
    """Serve one runtime; the process ends here."""
    taken = descriptors.take()
    faulthandler.enable(taken.errors)
    sys.dont_write_bytecode = True
    line, rest, ended = _first_line(taken.input)
    hello = _hello(line)
    if hello is None:
        from . import baseline

        baseline.serve(taken, line, rest, ended)
    elif hello.get("protocol") != 1:
        message = f"this host speaks protocol 1, not {hello.get('protocol')!r}"
        os.write(taken.output, json.dumps({"type": "host.error", "message": message}).encode() + b"\n")
        os._exit(1)
    else:
        from . import extended

        extended.ExtendedHost(hello, taken).serve(rest)


def _first_line(fd: int) -> tuple[bytes, bytes, bool]:
    try:
        return read_line(fd)
    except OSError:
        return b"", b"", True


def _hello(line: bytes) -> dict[str, Any] | None:
    if b"chiron.hello" not in line:
        return None
    try:
        found: Any = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) and found.get("type") == "chiron.hello" else None  # pyright: ignore
