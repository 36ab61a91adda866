"""The `ctx` of a handler: durable steps, sleeps and waits, and what the mixins add. All of it is told to the session."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Coroutine
from datetime import datetime
from typing import Any

from .context_agents import AgentCalls
from .context_children import ChildCalls
from .context_outside import OutsideCalls
from .durations import duration_ms, in_utc
from .json_values import encode_plain, quote
from .session import Session, Wait

_LEVELS = {"debug": "debug", "info": "info", "warn": "warn", "warning": "warn", "error": "error", "critical": "error"}


class WorkflowContext(AgentCalls, ChildCalls, OutsideCalls):
    """What a handler gets beside its input."""

    def __init__(self, session: Session, agent_defaults: object = None, pool: Any = None) -> None:
        self._session = session
        self._pool = pool
        self._agent_defaults: dict[str, Any] = dict(agent_defaults) if isinstance(agent_defaults, dict) else {}  # pyright: ignore

    @property
    def run_id(self) -> str:
        """Id of this attempt; changes with every retry."""
        return self._session.run_id

    @property
    def task_id(self) -> str:
        """Id of the durable instance; never changes."""
        return self._session.task_id

    @property
    def workflow_name(self) -> str:
        """Name of the workflow that runs."""
        return self._session.workflow_name

    @property
    def db(self) -> Any:
        """The database of ctx._pool under the names of api.workflow_db; its methods say so where there is none."""
        return importlib.import_module("api.workflow_db").WorkflowDatabase(self._pool)

    def step(
        self,
        name: str,
        fn: Callable[[], Any],
        *,
        retry: object = None,
        timeout: object = None,
        step_kind: str | None = None,
    ) -> Coroutine[Any, Any, Any]:
        """Run `fn` once and record its result; a replay gets the recorded one. `fn` may be sync, async or return an awaitable."""
        frame = sys._getframe(1)  # pyright: ignore[reportPrivateUsage]
        position = (frame.f_code.co_filename, frame.f_lineno)
        return self._session.step(name, fn, retry, timeout, step_kind, position)

    async def sleep(self, name: str, duration: object) -> None:
        """Sleep for a timedelta or a number of seconds, durably; the wake time is fixed when the sleep is first reached."""
        ms = duration_ms(duration)
        request = {"type": "ctx.sleep", "duration_seconds": ms / 1000}
        await self._session.wait(name, Wait("sleep", None, ms, None, request))

    async def sleep_until(self, name: str, when: datetime) -> None:
        """Sleep until an instant; a naive datetime is UTC."""
        moment = in_utc(when)
        ms = max(0, -(-int(moment.timestamp() * 1_000_000) // 1000))
        request = {"type": "ctx.sleep_until", "wake_at": moment.isoformat().replace("+00:00", "Z")}
        # Whether it has passed is for the runtime's clock to say.
        await self._session.wait(name, Wait("sleep", None, None, ms, request))

    async def wait_for_event(self, name: str, event_type: str, correlation_id: str, *, timeout: object = None) -> Any:
        """The payload of an event, emitted before or after; RuntimeError when `timeout` passes first."""
        for text in (str(event_type), str(correlation_id)):
            if "\0" in text or any("\ud800" <= char <= "\udfff" for char in text):
                raise ValueError("an event's type and id hold neither NUL nor lone surrogates: nobody could emit it")
        target = f"python:[{quote(str(event_type))},{quote(str(correlation_id))}]"
        ms = None if timeout is None else duration_ms(timeout)
        request: dict[str, Any] = {
            "type": "ctx.event.wait",
            "event_type": event_type,
            "correlation_id": correlation_id,
        }
        if ms is not None:
            request["timeout_seconds"] = ms / 1000
        resolved = await self._session.wait(name, Wait("event", target, ms, None, request))
        if resolved.kind == "timeout":
            raise RuntimeError(f"timed out waiting for event {event_type}/{correlation_id}")
        return resolved.value

    def log(self, event: str, **fields: Any) -> None:
        """One line in the run's log. A field `level` also sets the line's level."""
        level = _LEVELS.get(str(fields.get("level", "info")).lower(), "info")
        self._session.log(level, str(event), fields)

    def metric(self, name: str, value: float = 1, kind: str = "counter", **labels: Any) -> None:
        """One measurement: a counter, gauge or histogram."""
        self._session.metric(kind, name, float(value), labels)

    def __repr__(self) -> str:
        return f"<WorkflowContext {self.workflow_name} task={encode_plain(self.task_id)}>"
