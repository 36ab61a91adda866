"""Attributes what the process writes: to the run whose code wrote it, else to the file that is imported, else to nobody."""

from __future__ import annotations

from collections.abc import Callable

from . import capture, streams
from .current import Owner, current_owner
from .json_values import quote
from .loglines import LineLog

_WINDOW_S = 60.0
"""Output that belongs to no run has its limit anew after this time."""


class HostOutput:
    """The log of the process itself, and the way of all captured text. `active` answers the runs there are now."""

    def __init__(
        self, send: Callable[[str], None], byte_limit: int, line_limit: int, active: Callable[[], list[Owner]]
    ) -> None:
        self._send = send
        self._active = active
        self._file: str | None = None
        self._logs = LineLog(self._emit, byte_limit, line_limit, _WINDOW_S)
        streams.install(self._write_text)
        self._capture = capture.Capture(self._write_raw)

    def importing(self, path: str | None) -> None:
        """From now on what belongs to no run was written by this file."""
        self.settle()
        self._file = path

    def restore(self) -> None:
        """Undo what workflow code did to the process's standard output and error."""
        self._capture.restore()

    def settle(self) -> None:
        """Take in everything that was written until now."""
        self._capture.drain()
        self._logs.close()

    def _write_text(self, source: str, text: str) -> None:
        owner = current_owner.get()
        (self._logs if owner is None or self._file is not None else owner.logs).write(source, text)

    def _write_raw(self, source: str, text: str) -> None:
        """Nobody knows who wrote to a descriptor, unless there is only one who can have."""
        active = self._active()
        (active[0].logs if len(active) == 1 and self._file is None else self._logs).write(source, text)

    def _emit(self, level: str, source: str, message: str, fields: str | None) -> None:
        file = "" if self._file is None else f',"file":{quote(self._file)}'
        head = f'{{"t":"log","r":null,"level":"{level}","source":"{source}","message":{quote(message)}{file}}}'
        self._send(head + (f"\t{fields}" if fields else "") + "\n")
