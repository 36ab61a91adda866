"""Calls the functions of local tools. Async ones run in the loop, plain ones in a thread; what they raise names the tool and the line."""

from __future__ import annotations

import inspect
import os
from collections.abc import Mapping
from types import TracebackType
from typing import Any

from .failures import NonRetryableError
from .json_values import encode_result
from .snapshot import is_foreign
from .threads import in_thread
from .tool_files import ToolFile, ToolMethod, signature_of


class ToolFailed(RuntimeError):
    """A local tool did not answer; its cause is what the tool raised."""


async def call_local(tool: ToolFile, method: str, args: Mapping[str, Any]) -> str:
    """The answer's JSON text. Raises ToolFailed; NonRetryableError passes."""
    found = tool.methods.get(method)
    if found is None:
        raise ToolFailed(missing(tool, method))
    what = f"tool {tool.name}.{method}"
    try:
        inspect.signature(found.function).bind(**args)
    except TypeError as error:
        message = f"{what}: {error}; it takes {signature_of(found.function)} ({tool.path}:{found.line})"
        raise ToolFailed(message) from None
    except ValueError:
        # A function without a signature says itself what it does not take.
        pass
    try:
        return encode_result(await _answer(found, args), f"the answer of {what}")
    except NonRetryableError:
        raise
    except Exception as error:
        place = _place(error.__traceback__)
        message = f"{what} failed: {type(error).__name__}: {error}{f' ({place})' if place else ''}"
        raise ToolFailed(message) from error


def missing(tool: ToolFile, method: str) -> str:
    """Why this tool has no such method."""
    if tool.problem is not None:
        return f"tool {tool.name}.{method} cannot be called: {tool.problem}"
    return f"tool {tool.name} has no method {method}: {tool.path} defines {', '.join(tool.methods)}"


async def _answer(method: ToolMethod, args: Mapping[str, Any]) -> Any:
    function = method.function
    if inspect.iscoroutinefunction(inspect.unwrap(function)):
        return await function(**args)
    result = await in_thread(lambda: function(**args), "chiron-tool")
    return await result if inspect.isawaitable(result) else result


def _place(trace: TracebackType | None) -> str | None:
    """The deepest line of the project's own code."""
    found = None
    while trace is not None:
        path = trace.tb_frame.f_code.co_filename
        if os.path.isabs(path) and not is_foreign(path):
            found = f"{path}:{trace.tb_lineno}"
        trace = trace.tb_next
    return found
