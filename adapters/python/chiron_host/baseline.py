"""The baseline protocol: one discovery or one attempt in a process, JSON lines. What is read here follows the reference to the letter.

asyncio is imported only when an attempt starts, so that a discovery is quick.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

from .baseline_words import InvalidInput, Output, answer_discovery, end, parse, reject
from .descriptors import Descriptors

_CHUNK = 65536


def serve(descriptors: Descriptors, line: bytes, rest: bytes, ended: bool) -> None:
    """Answer messages until one ends the process."""
    output = Output(descriptors.output)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True)  # pyright: ignore
    lines = _lines(descriptors.input, line, rest, ended)
    for text, behind, over in lines:
        message = parse(text)
        if isinstance(message, InvalidInput):
            output.error(f"invalid workflow host input: {message}")
            end(1)
        kind = message.get("type")
        if kind in ("workflow.discover", "discover"):
            if answer_discovery(output):
                end(0)
        elif kind == "workflow.start":
            from .baseline_run import BaselineHost

            BaselineHost(descriptors, output, message).serve(behind, over)
        else:
            reject(output, message)
    end(0)


def _lines(fd: int, line: bytes, rest: bytes, ended: bool) -> Iterator[tuple[str, bytes, bool]]:
    """Each line with the bytes behind it and whether the input has ended."""
    if not ended or line:
        yield line.decode("utf-8", "replace"), rest, ended
    while not ended:
        head, newline, behind = rest.partition(b"\n")
        if newline:
            rest = behind
            yield head.decode("utf-8", "replace"), rest, False
            continue
        try:
            chunk = os.read(fd, _CHUNK)
        except OSError:
            chunk = b""
        if chunk:
            rest += chunk
        else:
            ended = True
            if rest:
                yield rest.decode("utf-8", "replace"), b"", True
