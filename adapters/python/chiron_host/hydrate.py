"""The object a handler gets: the Input dataclass filled from the run's input, in exactly the reference's way.

Unknown keys are dropped, nothing is coerced, only fields annotated with a dataclass itself are filled recursively. Whatever fails hands
the raw value to the handler; the caller is told why.
"""

from __future__ import annotations

import dataclasses
import typing
from types import ModuleType
from typing import Any, cast

_hints: dict[type, dict[str, Any]] = {}


def hydrate(module: ModuleType, value: Any) -> tuple[Any, str | None]:
    """What to call the handler with, and a warning when the input did not fit."""
    if not value:
        value = {}
    declared = getattr(module, "Input", None)
    if not isinstance(declared, type) or not dataclasses.is_dataclass(declared) or not isinstance(value, dict):
        return value, None
    fields = cast("dict[str, Any]", value)
    try:
        return _fill(declared, fields), None
    except Exception as error:
        missing = _missing(declared, fields)
        if missing:
            return fields, f"the input lacks {_list(missing)} of Input; the handler gets the plain dict"
        return fields, f"the input does not fit Input ({type(error).__name__}: {error}); the handler gets the plain dict"


def field_types(declared: type) -> dict[str, Any]:
    """The resolved annotations of a dataclass; empty when they cannot be resolved."""
    known = _hints.get(declared)
    if known is None:
        try:
            known = typing.get_type_hints(declared)
        except Exception:
            known = {}
        _hints[declared] = known
    return known


def _fill(declared: type, value: dict[str, Any]) -> Any:
    hints = field_types(declared)
    arguments: dict[str, Any] = {}
    for field in dataclasses.fields(declared):
        if not field.init or field.name not in value:
            continue
        item = value[field.name]
        hint = hints.get(field.name)
        if isinstance(item, dict) and isinstance(hint, type) and dataclasses.is_dataclass(hint):
            item = _fill(hint, cast("dict[str, Any]", item))
        arguments[field.name] = item
    return declared(**arguments)


def _missing(declared: type, value: dict[str, Any], prefix: str = "") -> list[str]:
    hints = field_types(declared)
    names: list[str] = []
    for field in dataclasses.fields(declared):
        hint = hints.get(field.name)
        if field.name in value:
            item = value[field.name]
            if isinstance(item, dict) and isinstance(hint, type) and dataclasses.is_dataclass(hint):
                names += _missing(hint, cast("dict[str, Any]", item), f"{prefix}{field.name}.")
        elif field.init and field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            names.append(prefix + field.name)
    return names


def _list(names: list[str]) -> str:
    return ("the required field " if len(names) == 1 else "the required fields ") + ", ".join(names)
