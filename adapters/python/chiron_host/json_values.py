"""Python values to JSON text and back, with an exact account of what the trip changes.

Text is compact ASCII. NaN, Infinity, circular values, keys JSON cannot hold and keys that collide fail with the path inside the
value. Types JSON does not know become str(value), as in the reference, and count as a difference.
"""

from __future__ import annotations

import dataclasses
import json
import math
import types
from collections.abc import Callable, Mapping, Sequence
from json.encoder import encode_basestring_ascii
from typing import Any, cast

quote: Callable[[str], str] = encode_basestring_ascii
"""A str as JSON text."""

_UNFINISHED: tuple[type[Any], ...] = (types.CoroutineType, types.GeneratorType, types.AsyncGeneratorType)


def _stand_in(value: object) -> str:
    """What stands for a type JSON does not know. Of code that never ran there is nothing to keep, so a forgotten await must show."""
    if isinstance(value, _UNFINISHED):
        raise TypeError(f"a {type(value).__name__.replace('_', ' ')} is no value: was it never awaited?")
    return str(value)


_strict = json.JSONEncoder(allow_nan=False, separators=(",", ":"), default=_stand_in).encode
_scan = json.JSONDecoder().decode


class UnstorableValue(ValueError):
    """A value that JSON cannot hold; the message names the place inside it."""


def decode(text: str) -> Any:
    """The value of a JSON text."""
    try:
        return _scan(text)
    except RecursionError:
        raise UnstorableValue("the value is nested too deeply for this interpreter") from None


def encode(value: object, what: str) -> tuple[str, str | None]:
    """The text, and what a later reader will see differently (None when nothing). `what` begins the message of a failure."""
    kind = type(value)
    if value is None:
        return "null", None
    if kind is str:
        return quote(cast(str, value)), None
    if kind is bool:
        return ("true" if value else "false"), None
    if kind is int:
        return _integer(cast(int, value), what), None
    try:
        text = _strict(value)
    except (ValueError, TypeError, RecursionError) as error:
        place = _first_fault(value, "value", ())
        raise UnstorableValue(f"{what}: {place or error}") from None
    if kind is float:
        return text, None
    return text, _difference(value, text, what)


def encode_result(value: object, what: str) -> str:
    """The text of a handler's result: a dataclass at the top becomes an object, anything unknown inside its str()."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = dataclasses.asdict(value)
    return encode(value, what)[0]


def encode_plain(value: object) -> str:
    """Text for a log or a request: never fails on a type; what cannot be JSON at all becomes its str()."""
    try:
        return _strict(value)
    except (ValueError, TypeError, RecursionError):
        return quote(_text_of(value))


def _integer(value: int, what: str) -> str:
    try:
        return int.__repr__(value)
    except ValueError as error:
        raise UnstorableValue(f"{what}: {error}") from None


def _text_of(value: object) -> str:
    try:
        return str(value)
    except Exception as error:
        return f"<{type(value).__name__} whose str() failed: {error}>"


def _difference(value: object, text: str, what: str) -> str | None:
    try:
        if _scan(text) == value:
            return _first_difference(value, "value") if _has_unusual(value) else None
        fault = _first_fault(value, "value", ())
        if fault is not None:
            raise UnstorableValue(f"{what}: {fault}")
        return _first_difference(value, "value") or "value compares unequal after the trip"
    except RecursionError:
        raise UnstorableValue(f"{what}: the value is nested too deeply") from None


def _has_unusual(value: object) -> bool:
    """Objects with an __eq__ of their own may equal their str(); plain containers were compared completely."""
    return not isinstance(value, (dict, list, str, int, float))


def _first_fault(value: object, path: str, above: tuple[int, ...]) -> str | None:
    """The first thing JSON cannot hold, with its path."""
    if isinstance(value, float):
        return None if math.isfinite(value) else f"{path} is {value!r}, which JSON cannot hold"
    if isinstance(value, int):
        try:
            int.__repr__(value)
        except ValueError as error:
            return f"{path}: {error}"
    if not isinstance(value, (dict, list, tuple)):
        return None
    if id(cast(object, value)) in above:
        return f"{path} contains itself"
    above = (*above, id(cast(object, value)))
    if len(above) > 900:
        return "the value is nested too deeply"
    if isinstance(value, dict):
        return _dict_fault(cast("dict[object, object]", value), path, above)
    for index, item in enumerate(cast("Sequence[object]", value)):
        fault = _first_fault(item, f"{path}[{index}]", above)
        if fault is not None:
            return fault
    return None


def _dict_fault(value: Mapping[object, object], path: str, above: tuple[int, ...]) -> str | None:
    seen: dict[str, object] = {}
    for key, item in value.items():
        if not isinstance(key, (str, int, float, bool, type(None))):
            return f"{path} has the key {key!r} of type {type(key).__name__}, which JSON cannot hold"
        if isinstance(key, float) and not math.isfinite(key):
            return f"{path} has the key {key!r}, which JSON cannot hold"
        name = key if isinstance(key, str) else cast(str, json.loads(_strict({key: 0}).split(":", 1)[0][1:]))
        if name in seen:
            return f"{path} has keys that collide in JSON: {seen[name]!r} and {key!r}"
        seen[name] = key
        fault = _first_fault(item, f"{path}[{name!r}]", above)
        if fault is not None:
            return fault
    return None


def _first_difference(value: Any, path: str) -> str | None:
    """The first thing that comes back as another type."""
    if value is None or isinstance(value, (str, int, float)):
        return None
    if isinstance(value, tuple):
        return f"{path} is a tuple and comes back as a list"
    if isinstance(value, list):
        for index, item in enumerate(cast("list[object]", value)):
            found = _first_difference(item, f"{path}[{index}]")
            if found:
                return found
        return None
    if not isinstance(value, dict):
        return f"{path} is a {type(value).__name__} and comes back as a str"
    for key, item in cast("dict[object, object]", value).items():
        if not isinstance(key, str):
            return f"{path} has the key {key!r}, which comes back as a str"
        found = _first_difference(item, f"{path}[{key!r}]")
        if found:
            return found
    return None
