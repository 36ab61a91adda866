"""Metrics from code that has no ctx at hand: they belong to the run whose code calls, and are dropped where there is none."""

from __future__ import annotations

import os
from typing import Any

from .guard import current_run


def emit(kind: str, name: str, value: float, labels: dict[str, Any]) -> None:
    """One measurement of the current run. Never raises and never waits."""
    send = getattr(current_run.get(), "metric", None)
    if send is not None:
        send(kind, name, value, labels)


_VALUES = ("value", "count", "amount", "total", "items", "seconds", "duration_seconds", "lag_seconds", "age_seconds", "bytes", "size")
"""Keywords that hold the measurement, where a call names several numbers."""


def emit_call(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """A recording function of any signature as one measurement: a number is the value, keyword texts are labels."""
    named = [kwargs[key] for key in _VALUES if key in kwargs]
    value = next((arg for arg in (*named, *args, *kwargs.values()) if _is_number(arg)), 1)
    labels = {key: item for key, item in kwargs.items() if isinstance(item, (str, bool))}
    labels |= {f"arg{index}": item for index, item in enumerate(args) if isinstance(item, str)}
    emit(_kind(name), name.split("_", 1)[-1], float(value), labels)


def _kind(name: str) -> str:
    return "gauge" if name.startswith("set_") else "histogram" if name.startswith("observe_") else "counter"


def deployment_labels() -> dict[str, str]:
    """Where this runs, as far as the environment says."""
    places = {"namespace": ("POD_NAMESPACE", "NAMESPACE"), "environment": ("ENVIRONMENT", "CENTAUR_ENVIRONMENT")}
    found = {label: next((os.environ[name] for name in names if os.environ.get(name)), "") for label, names in places.items()}
    return {label: value for label, value in found.items() if value}


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
