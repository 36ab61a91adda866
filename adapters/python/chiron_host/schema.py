"""The Input dataclass as JSON Schema, for people, forms and checks. Best effort: an annotation it does not know allows anything."""

from __future__ import annotations

import dataclasses
import enum
import json
import types
import typing
from datetime import date, datetime, timedelta
from types import ModuleType
from typing import Any, cast

from .hydrate import field_types
from .json_values import encode_plain

_SIMPLE: dict[Any, dict[str, Any]] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    type(None): {"type": "null"},
    dict: {"type": "object"},
    list: {"type": "array"},
    tuple: {"type": "array"},
    datetime: {"type": "string", "format": "date-time"},
    date: {"type": "string", "format": "date"},
    timedelta: {"type": "number"},
}
_MAX_DEPTH = 8
"""A dataclass may contain itself."""


def input_schema(module: ModuleType) -> dict[str, Any] | None:
    """The schema of a module's Input, or None when it has none."""
    declared = getattr(module, "Input", None)
    if not isinstance(declared, type) or not dataclasses.is_dataclass(declared):
        return None
    try:
        return _object(declared, 0)
    except Exception:
        return {"type": "object", "title": declared.__name__}


def _object(declared: type, depth: int) -> dict[str, Any]:
    hints = field_types(declared)
    properties: dict[str, Any] = {}
    required: list[str] = []
    for field in dataclasses.fields(declared):
        if not field.init:
            continue
        schema = _of(hints.get(field.name, Any), depth + 1)
        if field.default is not dataclasses.MISSING:
            schema = {**schema, "default": json.loads(encode_plain(field.default))}
        elif field.default_factory is dataclasses.MISSING:
            required.append(field.name)
        else:
            schema = {**schema, **_made_default(field.default_factory)}
        properties[field.name] = schema
    schema = {"type": "object", "title": declared.__name__, "properties": properties}
    return {**schema, "required": required} if required else schema


def _made_default(factory: Any) -> dict[str, Any]:
    """Of a factory only the empty containers are told: calling anything else may have effects."""
    return {"default": factory()} if factory in (list, dict) else {}


def _of(hint: Any, depth: int) -> dict[str, Any]:
    if hint in _SIMPLE:
        return dict(_SIMPLE[hint])
    if depth > _MAX_DEPTH:
        return {}
    if isinstance(hint, type) and not typing.get_args(hint):
        if dataclasses.is_dataclass(hint):
            return _object(hint, depth)
        if issubclass(hint, enum.Enum):
            return {"enum": [json.loads(encode_plain(member.value)) for member in hint]}
        return {}
    return _generic(typing.get_origin(hint), typing.get_args(hint), depth)


def _generic(origin: Any, args: tuple[Any, ...], depth: int) -> dict[str, Any]:
    if origin is typing.Literal:
        return {"enum": list(args)}
    if origin is typing.Annotated:
        return _of(args[0], depth)
    if origin in (typing.Union, types.UnionType):
        options = [_of(option, depth + 1) for option in args]
        return cast("dict[str, Any]", {} if {} in options else {"anyOf": options})
    if not isinstance(origin, type):
        return {}
    if issubclass(origin, dict) or origin.__name__ == "Mapping":
        values = _of(args[1], depth + 1) if len(args) == 2 else {}
        return {"type": "object", "additionalProperties": values} if values else {"type": "object"}
    if issubclass(origin, (list, tuple, set, frozenset)) or origin.__name__ == "Sequence":
        items = _of(args[0], depth + 1) if args and not (origin is tuple and args[-1] is not ...) else {}
        return {"type": "array", "items": items} if items else {"type": "array"}
    return {}
