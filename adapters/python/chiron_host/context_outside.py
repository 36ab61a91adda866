"""Tools and Slack: ctx.call_tool, ctx.tools, ctx.post_to_slack, ctx.update_slack, ctx.slack_buttons."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from .session import Session
from .slack_buttons import message_of


class OutsideCalls:
    """The part of the context that reaches outside."""

    _session: Session
    step: Callable[..., Coroutine[Any, Any, Any]]

    @property
    def tools(self) -> ToolNames:
        """ctx.tools.<tool>.<method>(one_dict) or (**kwargs)."""
        return ToolNames(self)

    async def call_tool(self, tool: str, method: str, args: Mapping[str, Any] | None = None) -> Any:
        """Call a tool's method: a local tool, else the centaur-tools program where there is one, else the tool API."""
        return await self._session.tool(str(tool), str(method), dict(args or {}))

    async def post_to_slack(self, channel: str, text: str, **kwargs: Any) -> Any:
        """Post a message: {channel, ts}."""
        fields = {"channel": channel, "text": text, "args": kwargs}
        return await self._session.ask("ctx.post_to_slack", "slack", fields)

    async def update_slack(self, channel: str, message_ts: str, text: str, **kwargs: Any) -> Any:
        """Change a posted message."""
        message = {"channel": channel, "ts": message_ts, "text": text, **kwargs}
        answer = await self._session.ask("ctx.update_slack", "slack", {"message": message})
        await self._session.message_updated(channel, message_ts)
        return answer

    async def find_slack_message(self, channel: str, client_msg_id: str, thread_ts: str | None = None) -> Any:
        """Look for a message among the channel's or the thread's newest: {found, channel, ts?, thread_ts?}."""
        fields = {"channel": channel, "client_msg_id": client_msg_id}
        if thread_ts is not None:
            fields["thread_ts"] = thread_ts
        return await self._session.ask("ctx.find_slack_message", "slack_find", fields)

    async def slack_buttons(
        self,
        name: str,
        *,
        channel: str,
        text: str,
        workflow: str,
        buttons: Mapping[str, Any],
        input: Any = None,
        thread_ts: str | None = None,
    ) -> Any:
        """Post a message with buttons; a click starts `workflow`. Everything is checked before anything is posted."""
        message = message_of(self._session.task_id, name, channel, text, workflow, buttons, input)
        if thread_ts is not None:
            message["thread_ts"] = thread_ts
        return await self.step(f"{name}.post", lambda: self.post_to_slack(channel, text, **message))


class ToolNames:
    """Attribute access to tools: .tool, then .method, then a call."""

    def __init__(self, calls: OutsideCalls, tool: str | None = None) -> None:
        self._calls = calls
        self._tool = tool

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if self._tool is None:
            return ToolNames(self._calls, name)
        return ToolMethod(self._calls, self._tool, name)


class ToolMethod:
    """One method of a tool."""

    def __init__(self, calls: OutsideCalls, tool: str, method: str) -> None:
        self._calls = calls
        self._tool = tool
        self._method = method

    async def __call__(self, arguments: Mapping[str, Any] | None = None, /, **kwargs: Any) -> Any:
        if arguments is not None and not isinstance(arguments, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError("a tool takes one dict or keyword arguments")
        return await self._calls.call_tool(self._tool, self._method, {**(arguments or {}), **kwargs})
