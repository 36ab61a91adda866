"""What a run tells without waiting for an answer: log lines and metrics. Safe from any thread."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Protocol

from .json_values import encode_plain, quote
from .loglines import LineLog
from .tool_files import ToolFile


class Channel(Protocol):
    """What a run needs of its host."""

    nonce: str
    loop: asyncio.AbstractEventLoop
    log_limit_bytes: int
    capture_line_limit: int
    send: Callable[[str], None]
    send_from_anywhere: Callable[[str], None]

    def local_tool(self, name: str) -> ToolFile | None:
        """The local tool of this name."""
        ...


class RunOutput:
    """The part of a run that writes frames nobody answers."""

    frozen: bool
    #: Recorded checkpoints that the handler has not come to; 0 as soon as it did something new.
    ahead: int

    def __init__(self, channel: Channel, r: int) -> None:
        self._out = channel
        self._r = r
        self.logs = LineLog(self._emit_log, channel.log_limit_bytes, channel.capture_line_limit)

    def log(self, level: str, message: str, fields: dict[str, Any] | None, source: str = "log") -> None:
        """See session.Session."""
        # What a handler logs on its way back to where it stopped was logged when it first came along.
        if not self.frozen and not (self.ahead and source == "log"):
            self.logs.line(level, source, message, encode_plain(fields) if fields else None)

    def metric(self, kind: str, name: str, value: float, labels: dict[str, Any]) -> None:
        """See session.Session. What is measured on the way back to where the handler stopped was measured before."""
        if not self.frozen and not self.ahead:
            header = f'{{"t":"metric","r":{self._r},"kind":{quote(kind)},"name":{quote(name)},"value":{float(value)!r}}}'
            self._out.send_from_anywhere(f"{self._out.nonce}{header}\t{encode_plain(labels)}\n")

    def _emit_log(self, level: str, source: str, message: str, fields: str | None) -> None:
        if self.frozen:
            return
        head = f'{{"t":"log","r":{self._r},"level":"{level}","source":"{source}","message":{quote(message)}}}'
        tail = f"\t{fields}" if fields else ""
        self._out.send_from_anywhere(f"{self._out.nonce}{head}{tail}\n")
