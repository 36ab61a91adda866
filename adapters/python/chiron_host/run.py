"""One attempt in the extended protocol: recorded steps answer from memory, a new one costs one message, waits are sent together.

Lives in the loop's thread except for log and metric. What starts and ends attempts is extended.py.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from time import perf_counter
from typing import Any

from .answers import Answer, Reply, unwrap
from .current import Body, current_body, next_ordinal
from .guard import Guarded
from .json_values import decode, encode, quote
from .policy import execute
from .run_output import Channel, RunOutput
from .run_tools import RunTools
from .session import Resolved, Wait
from .slack_feedback import ClickFeedback
from .stubs import Stubs
from .waits import Waits
from .watched import Watch


class Run(RunOutput, Guarded):
    """Implements session.Session over frames."""

    def __init__(self, channel: Channel, header: dict[str, Any], texts: list[str]) -> None:
        self.r: int = header["r"]
        self.run_id: str = header["run_id"]
        self.task_id: str = header["task_id"]
        self.workflow_name: str = header["workflow_name"]
        self.attempt: int = header.get("attempt", 1)
        self.input_text = texts[0] if texts else "null"
        self.recorded: dict[str, tuple[str, str]] = {}
        for name, kind, text in zip(header.get("names", ()), header.get("kinds", ()), texts[1:]):
            self.recorded.setdefault(name, (kind, text))
        self.ahead = len(self.recorded)
        self.stubs = Stubs(header.get("stubs"))
        self.frozen = False
        self.cancelled = False
        self.activity = 0
        self.tasks: set[asyncio.Task[Any]] = set()
        self.busy = 0
        self.pool: Any = None
        self.feedback: ClickFeedback | None = None
        self._channel = channel
        self._loop = channel.loop
        self._send = channel.send
        self._prefix = f'{channel.nonce}{{"t":"put","r":{self.r},"q":'
        self._counts: dict[str, int] = {}
        self._ordinals: dict[str, int] = {}
        self._warned: set[str] = set()
        self._q = 0
        self._pending: dict[int, asyncio.Future[Answer | None]] = {}
        self.waits = Waits(self)
        watch = header.get("watch")
        self.watch = None if watch is None else Watch(self, bool(watch.get("live")))
        self.tools = RunTools(self)
        RunOutput.__init__(self, channel, self.r)

    def checkpoint(self, name: str) -> str:
        """The checkpoint of this use of a name: name, name#2, name#3 … Shared by steps, sleeps and waits."""
        if self.cancelled:
            raise asyncio.CancelledError("the run was cancelled")
        count = self._counts.get(name, 0) + 1
        self._counts[name] = count
        return name if count == 1 else f"{name}#{count}"

    async def step(
        self, name: str, body: Callable[[], Any], retry: object, timeout: object, step_kind: str | None, position: Any
    ) -> Any:
        """See session.Session."""
        checkpoint = self.checkpoint(name)
        recorded = self._replayed(checkpoint, "step", position)
        if recorded is not None:
            return decode(recorded[1])
        if self.watch is not None:
            told = await self.watch.ahead(checkpoint, position)
            if told.kind != "run":
                return told.value
        stub = self.stubs.body(name, checkpoint)
        if stub is not None:
            # A stub is the outcome: trying it again would only take time.
            body, retry, timeout = stub, None, None
        scope = Body(checkpoint, current_body.get())
        token = current_body.set(scope)
        self.busy += 1
        started = perf_counter()
        try:
            if retry is None and timeout is None:
                value = body()
                if hasattr(value, "__await__"):
                    value = await value
            else:
                value = await execute(body, name, retry, timeout)
        finally:
            self.busy -= 1
            current_body.reset(token)
            if self.waits.open:
                self.waits.check_soon()
        return await self._put(name, checkpoint, value, (perf_counter() - started) * 1000, position)

    async def _put(self, name: str, checkpoint: str, value: Any, ms: float, position: Any) -> Any:
        text, difference = encode(value, f"step {name!r}")
        if difference is not None and name not in self._warned:
            self._warned.add(name)
            self.log("warn", f"step {name!r}: {difference} on replay", None, "chiron")
        where = "" if position is None else f',"pos":{quote(f"{position[0]}:{position[1]}")}'
        self._q = q = self._q + 1
        future: asyncio.Future[Answer | None] = self._loop.create_future()
        self._pending[q] = future
        self._send(f'{self._prefix}{q},"step":{quote(checkpoint)},"ms":{ms:.3f}{where}}}\t{text}\n')
        return unwrap(await self._answered(q, future), value)

    async def wait(self, name: str, wait: Wait) -> Resolved:
        """See session.Session."""
        checkpoint = self.checkpoint(name)
        recorded = self._replayed(checkpoint, wait.kind)
        if recorded is not None:
            return Resolved(recorded[0], decode(recorded[1]))
        if wait.kind == "sleep" and wait.until_ms is None and wait.delay_ms == 0 and self.watch is None:
            await self._put(name, checkpoint, None, 0.0, None)
            return Resolved("sleep", None)
        return await self.waits.wait(checkpoint, wait)

    def ask(self, type: str, kind: str, fields: dict[str, Any]) -> Reply:
        """See session.Session. Flat agent arguments: the extended protocol has no need of the reference's wrapping."""
        return self.send_call(type, kind, fields)[1]

    async def tool(self, tool: str, method: str, args: dict[str, Any]) -> Any:
        """See session.Session."""
        return await self.tools.call(self._channel.local_tool(tool), tool, method, args)

    def send_call(self, type: str, kind: str, fields: dict[str, Any], extra: str = "") -> tuple[int, Reply]:
        """Send a request with these header members more; its number and its answer."""
        if self.cancelled:
            raise asyncio.CancelledError("the run was cancelled")
        text = encode(fields["args"] if type == "ctx.agent_turn" else fields, type)[0]
        ordinal = next_ordinal(kind, self._ordinals)
        self._q = q = self._q + 1
        future: asyncio.Future[Answer | None] = self._loop.create_future()
        self._pending[q] = future
        self.busy += 1
        future.add_done_callback(lambda done: self._call_over(q, done))
        header = f'{{"t":"call","r":{self.r},"q":{q},"type":{quote(type)},"ordinal":{quote(ordinal)}{extra}}}'
        self._send(f"{self._channel.nonce}{header}\t{text}\n")
        return q, Reply(future)

    def send_frame(self, text: str) -> None:
        """Send a frame of this run."""
        if not self.frozen:
            self._send(f"{self._channel.nonce}{text}\n")

    def spawn(self, start: Callable[[], Any]) -> None:
        """Start a coroutine as a task of this run, in the current context."""
        self._loop.create_task(start())

    async def message_updated(self, channel: str, ts: str) -> None:
        """See session.Session."""
        if self.feedback is not None:
            await self.feedback.note_update(channel, ts)

    async def _answered(self, q: int, future: asyncio.Future[Answer | None]) -> Answer | None:
        self.busy += 1
        try:
            return await future
        finally:
            self._settled(q)

    def _call_over(self, q: int, future: asyncio.Future[Answer | None]) -> None:
        """A call has its answer, or the code that awaited it was cancelled: by a time limit, not with the run."""
        if future.cancelled() and not self.cancelled:
            self.send_frame(f'{{"t":"abandon","r":{self.r},"q":{q}}}')
        self._settled(q)

    def _settled(self, q: int) -> None:
        self.busy -= 1
        self._pending.pop(q, None)
        if self.waits.open:
            self.waits.check_soon()

    def answer(self, q: int, answer: Answer | None) -> None:
        """The runtime answered request q. None: done, with nothing to say."""
        future = self._pending.get(q)
        if future is not None and not future.done():
            future.set_result(answer)

    def send_suspend(self, waits: str) -> int:
        """Ask to be suspended; the number of the request."""
        self._q = q = self._q + 1
        self._send(f'{self._channel.nonce}{{"t":"suspend","r":{self.r},"q":{q},"waits":{waits}}}\n')
        return q

    def freeze(self) -> None:
        """Nothing of this run's code runs again. Its memory goes as far as it can: the coroutines themselves must stay."""
        self.frozen = True
        self.recorded = {}
        self.input_text = ""
        self._pending.clear()
        self.waits.clear()
        if self.pool is not None:
            with suppress(Exception):
                self.pool.terminate()

    def cancel(self) -> None:
        """Fail what the handler waits for, and every later ctx call."""
        self.cancelled = True
        for future in list(self._pending.values()):
            future.cancel()
        self.waits.cancel()

    def _replayed(self, checkpoint: str, kind: str, position: Any = None) -> tuple[str, str] | None:
        """What an earlier attempt or an earlier part of this one recorded under this name: kind and value's text."""
        recorded = self.recorded.get(checkpoint)
        if recorded is None:
            self.ahead = 0
            return None
        self.ahead = max(0, self.ahead - 1)
        if self.watch is not None:
            self.watch.reached(checkpoint, kind, position)
        self._check_kind(checkpoint, recorded[0], kind)
        return recorded

    def _check_kind(self, checkpoint: str, recorded: str, wanted: str) -> None:
        """A name that stands for another kind of thing than when it was recorded: the code has changed under the run."""
        if recorded in ("step", wanted) or (recorded == "timeout" and wanted in ("event", "task")):
            return
        self.log("warn", f"{checkpoint!r} was recorded as a {recorded} and is now used as a {wanted}", None, "chiron")
