"""The tool calls of one run. The engine hears of every call first; where it leaves a call to a local tool, that runs here, as the run's own code."""

from __future__ import annotations

import contextvars
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from .answers import Reply
from .failures import NonRetryableError, skip_host
from .json_values import decode, encode_plain
from .local_tools import ToolFailed, call_local, missing
from .tool_files import ToolFile


class Asking(Protocol):
    """What this needs of the run."""

    r: int

    def send_call(self, type: str, kind: str, fields: dict[str, Any], extra: str) -> tuple[int, Reply]:
        """Send a request; its number and its answer."""
        ...

    def send_frame(self, text: str) -> None:
        """Send a frame."""
        ...

    def spawn(self, start: Callable[[], Any]) -> None:
        """Start a coroutine as a task of the run."""
        ...


class _Open(NamedTuple):
    """A call whose answer has not come."""

    tool: ToolFile
    method: str
    args: dict[str, Any]
    context: contextvars.Context


class RunTools:
    """Tool calls, from the handler to the engine and, for local tools, back."""

    def __init__(self, run: Asking) -> None:
        self._run = run
        self._open: dict[int, _Open] = {}
        self._raised: dict[int, BaseException] = {}

    async def call(self, found: ToolFile | None, tool: str, method: str, args: dict[str, Any]) -> Any:
        """The answer, from wherever the engine takes it."""
        extra = ""
        if found is not None:
            known: dict[str, Any] = {"path": found.path, "methods": list(found.methods)}
            if found.problem is not None:
                known["problem"] = found.problem
            extra = f',"local":{encode_plain(known)}'
        q, reply = self._run.send_call("ctx.call_tool", "tool", {"tool": tool, "method": method, "args": args}, extra)
        if found is not None:
            self._open[q] = _Open(found, method, args, contextvars.copy_context())
        try:
            return await reply
        except RuntimeError as error:
            cause = self._raised.pop(q, None)
            if isinstance(cause, NonRetryableError):
                raise cause from None
            if cause is not None:
                raise error from cause.with_traceback(skip_host(cause.__traceback__))
            raise
        finally:
            self._open.pop(q, None)
            self._raised.pop(q, None)

    def perform(self, q: int) -> None:
        """The engine leaves call q to the local tool."""
        call = self._open.get(q)
        if call is None:
            self._told(q, False, "the call is no longer waited for", "null")
        else:
            call.context.run(self._run.spawn, lambda: self._perform(q, call))

    async def _perform(self, q: int, call: _Open) -> None:
        try:
            text = await call_local(call.tool, call.method, call.args)
        except BaseException as error:
            self._raised[q] = error if isinstance(error, NonRetryableError) else error.__cause__ or error
            message = str(error) if isinstance(error, (ToolFailed, NonRetryableError)) else f"{_name(call)}: {error!r}"
            self._told(q, False, message, "null")
            if not isinstance(error, Exception):
                raise
        else:
            self._told(q, True, "", text)

    def _told(self, q: int, ok: bool, error: str, text: str) -> None:
        self._run.send_frame(f"{encode_plain({'t': 'tooled', 'r': self._run.r, 'q': q, 'ok': ok, 'error': error})}\t{text}")


async def performed_frame(found: ToolFile | None, header: dict[str, Any], args: str) -> str:
    """The answer to a call that belongs to no run."""
    ok, error, text = True, "", "null"
    try:
        if found is None:
            raise ToolFailed(f"there is no local tool {header['tool']}")
        if header["method"] not in found.methods:
            raise ToolFailed(missing(found, header["method"]))
        text = await call_local(found, header["method"], decode(args))
    except BaseException as raised:
        ok, error = False, str(raised) or type(raised).__name__
    return f"{encode_plain({'t': 'tooled', 'r': None, 'q': header['q'], 'ok': ok, 'error': error})}\t{text}"


def _name(call: _Open) -> str:
    return f"tool {call.tool.name}.{call.method}"
