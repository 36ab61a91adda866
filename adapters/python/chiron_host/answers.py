"""What the runtime answers to a request, before the handler sees it."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from typing import Any, NamedTuple

from .json_values import decode


class Answer(NamedTuple):
    """ok with a value's text, or not ok with a message."""

    ok: bool
    text: str


def unwrap(answer: Answer | None, own: Any) -> Any:
    """The value of an answer; the caller's own where the runtime had nothing to add. A refusal raises RuntimeError."""
    if answer is None:
        return own
    if not answer.ok:
        raise RuntimeError(answer.text)
    return decode(answer.text)


class Reply:
    """The answer to a request that is on its way; may be awaited more than once, or never."""

    __slots__ = ("_future",)

    def __init__(self, future: asyncio.Future[Answer | None]) -> None:
        self._future = future

    def __await__(self) -> Generator[Any, Any, Any]:
        return unwrap((yield from self._future.__await__()), None)

    def shielded(self) -> Generator[Any, Any, Any]:
        """Await it so that whoever gives up waiting leaves the request as it is."""
        return unwrap((yield from asyncio.shield(self._future).__await__()), None)

    def done(self) -> bool:
        """Whether the answer is there."""
        return self._future.done()
