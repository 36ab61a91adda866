"""Which run and which step body the running code belongs to. Context variables: they follow tasks, threads of to_thread and gather."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from .loglines import LineLog


class Owner(Protocol):
    """What output is attributed to."""

    logs: LineLog


class Body:
    """A step body that is being executed: scope of ordinals, and part of what keeps a run from being suspended."""

    __slots__ = ("checkpoint", "ordinals", "parent", "waits")

    def __init__(self, checkpoint: str, parent: Body | None) -> None:
        self.checkpoint = checkpoint
        self.parent = parent
        self.ordinals: dict[str, int] = {}
        self.waits = 0


current_owner: ContextVar[Owner | None] = ContextVar("chiron_owner", default=None)
current_body: ContextVar[Body | None] = ContextVar("chiron_body", default=None)


def next_ordinal(kind: str, outside: dict[str, int]) -> str:
    """Number of a call among its kind, equal on every replay: within the step body if there is one, else within the run."""
    body = current_body.get()
    counts = outside if body is None else body.ordinals
    number = counts.get(kind, 0) + 1
    counts[kind] = number
    return str(number) if body is None else f"{body.checkpoint}/{number}"
