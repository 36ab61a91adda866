"""What a WorkflowContext stands on: one protocol's way to record steps, to wait and to ask. The context itself knows no protocol."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from .answers import Reply


class Wait(NamedTuple):
    """Something a handler waits for. `delay_ms` counts from now; `until_ms` is an instant instead; neither: no deadline."""

    kind: str
    """sleep, event or task."""
    target: str | None
    delay_ms: int | None
    until_ms: int | None
    request: dict[str, Any]
    """The same wait as a baseline request, without its step."""
    position: str | None = None
    """`path:line` of a step that a watched attempt asks about."""


class Resolved(NamedTuple):
    """How a wait ended: its kind (sleep, event, task, timeout) and the value that came with it."""

    kind: str
    value: Any


class Session(Protocol):
    """One attempt."""

    run_id: str
    task_id: str
    workflow_name: str

    async def step(
        self, name: str, body: Callable[[], Any], retry: object, timeout: object, step_kind: str | None, position: Any
    ) -> Any:
        """The recorded value of a step, or the body's after it is recorded."""
        ...

    async def wait(self, name: str, wait: Wait) -> Resolved:
        """Return when the wait is over, in this process or in a later one."""
        ...

    def ask(self, type: str, kind: str, fields: dict[str, Any]) -> Reply:
        """Send a request now; awaiting gives its answer. A refusal is a RuntimeError."""
        ...

    async def tool(self, tool: str, method: str, args: dict[str, Any]) -> Any:
        """A tool's answer. A refusal is a RuntimeError."""
        ...

    async def message_updated(self, channel: str, ts: str) -> None:
        """The handler changed a Slack message."""
        ...

    def log(self, level: str, message: str, fields: dict[str, Any] | None, source: str = "log") -> None:
        """One log line of the run."""
        ...

    def metric(self, kind: str, name: str, value: float, labels: dict[str, Any]) -> None:
        """One measurement."""
        ...
