"""Arguments of agent turns: AGENT_DEFAULTS beneath the call's own, and what is wrong with a batch, before anything is asked."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, cast

MAX_AGENTS = 32
_MAX_NAME_BYTES = 128
_RESERVED = frozenset({"thread_key", "message_id", "client_message_id", "idempotency_key", "execution_idempotency_key"})

_ALIASES = (
    ("text", "prompt"),
    ("content", "parts"),
    ("harness_type", "harness"),
    ("persona_id", "persona"),
    ("principal", "principal_foreign_id"),
    ("message_id", "client_message_id"),
    ("idempotency_key", "execution_idempotency_key"),
    ("reasoning", "reasoning_effort", "effort"),
)
_NAMES_OF: dict[str, tuple[str, ...]] = {name: names for names in _ALIASES for name in names}


def merged(defaults: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """The call's arguments over the defaults. A default gives way to every spelling of its name; None says nothing."""
    given = {key: _plain(value) for key, value in own.items() if value is not None}
    said = {name for key in given for name in _NAMES_OF.get(key, (key,))}
    return {**{key: _plain(value) for key, value in defaults.items() if key not in said}, **given}


def _plain(value: object) -> object:
    """A Delivery, or parts that are dataclasses, as the objects they stand for."""
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in cast("list[object]", value)]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    return value


def checked_agents(agents: object, defaults: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The agents of a batch, each over the defaults. TypeError or ValueError names the agent that is wrong."""
    if not isinstance(agents, (list, tuple)):
        raise TypeError(f"agents must be a list of dicts, not {type(agents).__name__}")
    items = list(cast("list[object]", agents))
    if not 1 <= len(items) <= MAX_AGENTS:
        raise ValueError(f"run_agents takes 1 to {MAX_AGENTS} agents, not {len(items)}")
    beneath = {key: value for key, value in defaults.items() if key not in _RESERVED and key != "name"}
    names: set[str] = set()
    return [merged(beneath, _checked(index, item, names)) for index, item in enumerate(items)]


def _checked(index: int, item: object, names: set[str]) -> dict[str, Any]:
    if not isinstance(item, dict):
        raise TypeError(f"agents[{index}] must be a dict, not {type(item).__name__}")
    agent = cast("dict[str, Any]", item)
    name = agent.get("name")
    if not isinstance(name, str):
        raise TypeError(f"agents[{index}] needs a name")
    if not name.strip() or len(name.encode("utf-8", "replace")) > _MAX_NAME_BYTES:
        raise ValueError(f"agents[{index}]: a name has 1 to {_MAX_NAME_BYTES} bytes")
    if name in names:
        raise ValueError(f"agents[{index}]: the name {name!r} is used twice")
    names.add(name)
    reserved = sorted(_RESERVED & agent.keys())
    if reserved:
        raise ValueError(f"agents[{index}]: {', '.join(reserved)} may not be set in a batch")
    return agent
