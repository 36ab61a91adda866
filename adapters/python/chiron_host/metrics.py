"""Metrics from code that has no ctx at hand: they belong to the run whose code calls, and are dropped where there is none."""

from __future__ import annotations

from typing import Any

from .guard import current_run


def emit(kind: str, name: str, value: float, labels: dict[str, Any]) -> None:
    """One measurement of the current run. Never raises and never waits."""
    send = getattr(current_run.get(), "metric", None)
    if send is not None:
        send(kind, name, value, labels)


def emit_call(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """A recording function of any signature as one measurement: the first number is the value, keyword strings are labels."""
    value = next((arg for arg in (*args, *kwargs.values()) if _is_number(arg)), 1)
    labels = {key: item for key, item in kwargs.items() if isinstance(item, (str, bool))}
    labels |= {f"arg{index}": item for index, item in enumerate(args) if isinstance(item, str)}
    kind = "gauge" if name.startswith("set_") else "histogram" if name.startswith("observe_") else "counter"
    emit(kind, name.split("_", 1)[-1], float(value), labels)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
