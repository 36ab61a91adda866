"""What a message with buttons shows while a click on it is worked on: processing, then done, or its buttons again.

Only in a run that a click started, and only when the click came with its message. Each change is a step, so a replay changes nothing; one
that Slack refuses is a warning, never the run's failure. What the message says in each state is the runtime's.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Protocol, cast

_CLICK_KIND = "slack_button"
_UPDATED = "$slack_button.updated"
"""Recorded when the message has its final shape, whoever gave it."""


class ClickedRun(Protocol):
    """What the feedback needs of an attempt."""

    attempt: int
    cancelled: bool
    recorded: dict[str, tuple[str, str]]

    async def step(
        self, name: str, body: Callable[[], Any], retry: object, timeout: object, step_kind: str | None, position: Any
    ) -> Any:
        """See session.Session."""
        ...

    def ask(self, type: str, kind: str, fields: dict[str, Any]) -> Awaitable[Any]:
        """See session.Session."""
        ...

    def log(self, level: str, message: str, fields: dict[str, Any] | None, source: str = "log") -> None:
        """See session.Session."""
        ...


class ClickFeedback:
    """The feedback of one attempt."""

    def __init__(self, run: ClickedRun, value: object) -> None:
        self._run = run
        self._place = _place_of(value)
        self._noted = False

    async def around(self, body: Callable[[], Awaitable[Any]]) -> Any:
        """Run the handler between the message's states."""
        if self._place is None:
            return await body()
        run = self._run
        await self._show("processing", f"$slack_button.processing:{run.attempt}")
        try:
            result = await body()
        except BaseException:
            if not run.cancelled and not self._is_final():
                await self._show("restore", f"$slack_button.restore:{run.attempt}")
            raise
        if not self._is_final():
            await self._show("updated", _UPDATED)
        return result

    async def note_update(self, channel: str, ts: str) -> None:
        """The handler changed a message itself; if it is the clicked one, what it says now stays."""
        if self._place != (channel, ts) or self._noted:
            return
        self._noted = True
        await self._run.step(_UPDATED, lambda: {"by": "workflow"}, None, None, None, None)

    def _is_final(self) -> bool:
        return self._noted or _UPDATED in self._run.recorded

    async def _show(self, state: str, name: str) -> None:
        place = self._place or ("", "")

        async def change() -> Any:
            try:
                return await self._run.ask("ctx.slack_button", "slack_button", {"state": state, "channel": place[0], "ts": place[1]})
            except RuntimeError as error:
                message = f"the message with the button could not be changed: {error}"
                self._run.log("warn", message, None, "chiron")
                return {"ok": False, "error": str(error)}

        await self._run.step(name, change, None, None, None, None)


def _place_of(value: object) -> tuple[str, str] | None:
    """Channel and ts of the clicked message."""
    click = cast("dict[str, Any]", value).get("click") if isinstance(value, dict) else None
    if not isinstance(click, dict) or cast("dict[str, Any]", click).get("kind") != _CLICK_KIND:
        return None
    message = cast("dict[str, Any]", click).get("message")
    if not isinstance(message, dict):
        return None
    place = cast("dict[str, Any]", message)
    channel, ts = place.get("channel"), place.get("ts")
    return (channel, ts) if isinstance(channel, str) and isinstance(ts, str) else None
