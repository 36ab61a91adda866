"""The waits of a run, sent to the runtime as one `suspend` when nothing else of the run can move.

A run is quiet when no step body, put or call is in flight and its code has not run for a few turns of the loop, so that branches of a
gather which have not begun yet are heard first. A step body that itself waits does not count as in flight.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

from .current import Body, current_body
from .json_values import decode, quote
from .session import Resolved, Wait

_QUIET_TURNS = 4
"""A finished task wakes its gather in the next turn and that one the awaiting task in the one after."""


class Waiting(Protocol):
    """What the waits need of their run."""

    busy: int
    activity: int
    frozen: bool
    cancelled: bool

    def send_suspend(self, waits: str) -> int: ...


class Waits:
    """`open` holds the waits that are not over, in the order in which the handler began them."""

    def __init__(self, run: Waiting) -> None:
        self._run = run
        self.open: dict[str, tuple[Wait, asyncio.Future[Resolved]]] = {}
        self._asked: int | None = None
        self._checking = False
        self._quiet = 0
        self._seen = -1

    async def wait(self, checkpoint: str, wait: Wait) -> Resolved:
        """Wait until the runtime says how it ended."""
        body = current_body.get()
        future: asyncio.Future[Resolved] = asyncio.get_running_loop().create_future()
        self.open[checkpoint] = (wait, future)
        self._pause(body)
        self.check_soon()
        try:
            return await future
        finally:
            self._resume(body)
            self.open.pop(checkpoint, None)
            self.check_soon()

    def _pause(self, body: Body | None) -> None:
        while body is not None:
            body.waits += 1
            if body.waits == 1:
                self._run.busy -= 1
            body = body.parent

    def _resume(self, body: Body | None) -> None:
        while body is not None:
            body.waits -= 1
            if body.waits == 0:
                self._run.busy += 1
            body = body.parent

    def check_soon(self) -> None:
        """Look, a little later, whether the run has come to rest."""
        if not self._checking and self.open:
            self._checking = True
            self._quiet = 0
            asyncio.get_running_loop().call_soon(self._check)

    def _check(self) -> None:
        run = self._run
        if run.frozen or run.cancelled or run.busy or self._asked is not None or not self.open:
            self._checking = False
            return
        if run.activity != self._seen:
            self._seen = run.activity
            self._quiet = 0
        self._quiet += 1
        if self._quiet < _QUIET_TURNS:
            asyncio.get_running_loop().call_soon(self._check)
            return
        self._checking = False
        self._asked = run.send_suspend("[" + ",".join(_frame(name, wait) for name, (wait, _) in self.open.items()) + "]")

    def resolved(self, q: int, steps: list[str], kinds: list[str], texts: list[str]) -> None:
        """These waits are over; the run goes on."""
        if q != self._asked:
            return
        self._asked = None
        for step, kind, text in zip(steps, kinds, texts):
            entry = self.open.get(step)
            if entry is not None and not entry[1].done():
                entry[1].set_result(Resolved(kind, decode(text)))
        self.check_soon()

    def refused(self, q: int, message: str) -> bool:
        """The suspension failed: every wait fails with it. False when this was not the request."""
        if q != self._asked:
            return False
        self._asked = None
        for _, future in list(self.open.values()):
            if not future.done():
                future.set_exception(RuntimeError(message))
        return True

    def cancel(self) -> None:
        """The run is cancelled: so is every wait."""
        for _, future in list(self.open.values()):
            future.cancel()

    def clear(self) -> None:
        """The run is frozen: nobody will wait again."""
        self.open = {}


def _frame(name: str, wait: Wait) -> str:
    target = "null" if wait.target is None else quote(wait.target)
    delay = "null" if wait.delay_ms is None else str(wait.delay_ms)
    until = "" if wait.until_ms is None else f',"until_ms":{wait.until_ms}'
    where = "" if wait.position is None else f',"pos":{quote(wait.position)}'
    return f'{{"step":{quote(name)},"kind":"{wait.kind}","target":{target},"delay_ms":{delay}{until}{where}}}'

