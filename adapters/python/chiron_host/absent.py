"""Stands for classes that workflow files may import but that do not exist here: constructing one says so."""

from __future__ import annotations

from typing import Any


def absent(module: str, name: str) -> type:
    """A class of this name whose constructor raises."""
    if name.startswith("__"):
        raise AttributeError(name)

    def refuse(self: object, *args: Any, **kwargs: Any) -> None:
        raise RuntimeError(f"{module}.{name} is not available here; call the tool with ctx.call_tool instead")

    return type(name, (), {"__init__": refuse, "__module__": module})
