"""Exceptions of the programming model, and how any exception is told to the runtime."""

from __future__ import annotations

import asyncio
import os
import traceback
from types import TracebackType
from typing import Any, NamedTuple

_HERE = os.path.dirname(os.path.abspath(__file__))
_MAX_TEXT = 64 * 1024
"""Of a message or a traceback: a failure is stored with its attempt and shown to people."""


class NonRetryableError(Exception):
    """Raised by a handler or a step: the task fails at once, without further attempts."""


class ChildWorkflowError(RuntimeError):
    """An awaited child workflow did not complete."""

    def __init__(self, message: str, *, task_id: str, status: str, failure: Any) -> None:
        super().__init__(message)
        self.task_id = task_id
        self.status = status
        self.failure = failure


class HandlerExit(Exception):
    """Stands for SystemExit and KeyboardInterrupt, which must not leave a run: they would end its neighbours too."""

    def __init__(self, cause: BaseException) -> None:
        if isinstance(cause, SystemExit):
            super().__init__(f"the workflow called sys.exit({cause.code!r}); return or raise an error instead")
        else:
            super().__init__(f"the workflow raised {type(cause).__name__}")
        self.name = type(cause).__name__


class Told(NamedTuple):
    """A failure as the protocol carries it."""

    name: str
    message: str
    traceback: str
    retryable: bool


def tell(error: BaseException) -> Told:
    """Name, message and traceback, without the host's own frames at the top."""
    if isinstance(error, (SystemExit, KeyboardInterrupt)):
        left = HandlerExit(error)
        left.__cause__ = error
        error = left
    name = error.name if isinstance(error, HandlerExit) else type(error).__name__
    message = _str(error)
    if isinstance(error, asyncio.CancelledError):
        message = message or "the handler was cancelled (asyncio.CancelledError left it)"
    return Told(name, message[:_MAX_TEXT], format_error(error), not isinstance(error, NonRetryableError))


def format_error(error: BaseException) -> str:
    """The traceback text from the first frame that is not the host's."""
    shown = error.__cause__ if isinstance(error, HandlerExit) and error.__cause__ else error
    try:
        lines = traceback.format_exception(type(shown), shown, skip_host(shown.__traceback__))
        text = "".join(lines)
    except Exception as failed:
        text = f"{type(error).__name__}: (its traceback could not be formatted: {failed!r})"
    return text if len(text) <= _MAX_TEXT else text[: _MAX_TEXT // 2] + "\n…\n" + text[-_MAX_TEXT // 2 :]


def skip_host(trace: TracebackType | None) -> TracebackType | None:
    """From the first frame that is not the host's; the whole trace when all are."""
    start = trace
    while start is not None and start.tb_frame.f_code.co_filename.startswith(_HERE):
        start = start.tb_next
    return start or trace


def _str(error: BaseException) -> str:
    try:
        return str(error)
    except Exception as failed:
        return f"({type(error).__name__} whose str() failed: {type(failed).__name__})"
