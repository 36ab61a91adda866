"""An attempt that is watched: the runtime hears of every recorded name the handler reaches, and decides about each step that is not recorded.

Code between the steps of such an attempt reaches nothing outside: no socket, no process, no file that is written, no ctx._pool.
"""

from __future__ import annotations

import sys
from typing import Any, NoReturn, Protocol

from .current import current_body
from .guard import current_run
from .json_values import quote
from .session import Resolved, Wait
from .waits import Waits


class OutsideStep(BaseException):
    """Code between two steps reached outside. No Exception: a handler must not take it for a failure of its own and go on."""


class Watched(Protocol):
    """What this needs of the run."""

    r: int
    waits: Waits

    def send_frame(self, text: str) -> None: ...


class Watch:
    """`live`: steps that are not recorded may run for real, and have the database."""

    def __init__(self, run: Watched, live: bool) -> None:
        self._run = run
        self.live = live
        _install()

    def reached(self, checkpoint: str, kind: str, position: Any) -> None:
        """The handler reached a recorded name, and uses it as a `kind`."""
        where = "" if position is None else f',"pos":{quote(f"{position[0]}:{position[1]}")}'
        self._run.send_frame(
            f'{{"t":"reached","r":{self._run.r},"step":{quote(checkpoint)},"kind":"{kind}"{where}}}'
        )

    async def ahead(self, checkpoint: str, position: Any) -> Resolved:
        """What the runtime says about a step that is not recorded, once the handler can do nothing else: kind `run`, or its outcome."""
        where = None if position is None else f"{position[0]}:{position[1]}"
        return await self._run.waits.wait(checkpoint, Wait("step", None, None, None, {}, where))


class NoPool:
    """Stands for ctx._pool where no query may be made."""

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("__"):
            raise AttributeError(name)
        raise OutsideStep(f"ctx._pool.{name} was used outside a step")


_REACHING = frozenset(
    (
        "socket.connect",
        "socket.sendto",
        "socket.sendmsg",
        "subprocess.Popen",
        "os.system",
        "os.exec",
        "os.posix_spawn",
        "os.fork",
        "os.forkpty",
        "shutil.rmtree",
    )
)
_installed = False


def _install() -> None:
    """Only when an attempt is watched: a hook cannot be taken out again."""
    global _installed
    if not _installed:
        _installed = True
        sys.addaudithook(_heard)


def _heard(event: str, args: tuple[Any, ...]) -> None:
    if event not in _REACHING and not (event == "open" and _writes(args)):
        return
    run: Any = current_run.get()
    if run is None or run.watch is None or current_body.get() is not None:
        return
    target = args[0] if event == "open" else args[1] if event.startswith("socket.") and len(args) > 1 else None
    raise OutsideStep(f"{event}{'' if target is None else f' {target!r}'} outside a step")


def _writes(args: tuple[Any, ...]) -> bool:
    path, mode = args[0], args[1]
    return isinstance(mode, str) and isinstance(path, (str, bytes)) and any(letter in mode for letter in "wax+")
