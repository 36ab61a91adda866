"""The reference's metric functions (record_…, observe_…, set_…), whatever their names: each call becomes one ctx.metric."""

from collections.abc import Callable
from typing import Any

from chiron_host.metrics import emit_call


def __getattr__(name: str) -> Callable[..., None]:
    if name.startswith("__"):
        raise AttributeError(name)

    def record(*args: Any, **kwargs: Any) -> None:
        emit_call(name, args, kwargs)

    record.__name__ = record.__qualname__ = name
    return record
