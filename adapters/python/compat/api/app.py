"""Tools for code that has no ctx at hand: calls go to the context that is bound, else to the run whose code calls."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextvars import ContextVar, Token
from typing import Any

from chiron_host.guard import current_run

__all__ = [
    "WorkflowTool",
    "WorkflowToolManager",
    "WorkflowToolMethod",
    "WorkflowToolProxy",
    "WorkflowTools",
    "bind_context_rpc",
    "call_tool_shim",
    "get_tool_manager",
    "reset_context_rpc",
    "resolve_tool_shim",
]

ToolRpc = Callable[[str, str, dict[str, Any]], Awaitable[Any]]

_bound: ContextVar[Any] = ContextVar("workflow_context_rpc", default=None)


def bind_context_rpc(rpc: Any) -> Token[Any]:
    """Use this context, or rpc(tool, method, args), for tool calls from here on."""
    return _bound.set(rpc)


def reset_context_rpc(token: Token[Any]) -> None:
    """Undo bind_context_rpc."""
    _bound.reset(token)


async def call_tool_shim(tool: str, method: str, args: dict[str, Any] | None = None) -> Any:
    """Call a tool through the bound context or the current run."""
    bound = _bound.get()
    if bound is not None:
        return await getattr(bound, "call_tool", bound)(tool, method, dict(args or {}))
    session: Any = current_run.get()
    if session is None:
        raise RuntimeError("tools can be called only while a workflow runs")
    from chiron_host.context import WorkflowContext

    return await WorkflowContext(session).call_tool(tool, method, args)


class WorkflowToolMethod:
    """One method of a tool."""

    def __init__(self, tool: str, method: str) -> None:
        self.tool = tool
        self.method = method

    async def __call__(self, arguments: dict[str, Any] | None = None, /, **kwargs: Any) -> Any:
        return await call_tool_shim(self.tool, self.method, {**(arguments or {}), **kwargs})


class WorkflowToolProxy:
    """One tool; its attributes are its methods."""

    def __init__(self, tool: str) -> None:
        self.tool = tool

    def __getattr__(self, name: str) -> WorkflowToolMethod:
        if name.startswith("__"):
            raise AttributeError(name)
        return WorkflowToolMethod(self.tool, name)


WorkflowTool = WorkflowToolProxy


class WorkflowTools:
    """All tools by attribute."""

    def __getattr__(self, name: str) -> WorkflowToolProxy:
        if name.startswith("__"):
            raise AttributeError(name)
        return WorkflowToolProxy(name)


class WorkflowToolManager:
    """All tools by name."""

    async def call_tool_raw(self, tool: str, method: str, args: dict[str, Any] | None = None) -> Any:
        """Call a tool's method."""
        return await call_tool_shim(tool, method, args)

    call_tool = call_tool_raw


def resolve_tool_shim(tool: str, method: str | None = None) -> Any:
    """A tool, or one method of it, as something to call."""
    return WorkflowToolProxy(tool) if method is None else WorkflowToolMethod(tool, method)


def get_tool_manager() -> WorkflowToolManager:
    """The manager; works inside step bodies too."""
    return WorkflowToolManager()
