"""Durations and instants as workflow files write them."""

from __future__ import annotations

import math
from datetime import datetime, timedelta, timezone


def duration_seconds(value: object) -> float:
    """Seconds of a timedelta or a number; negative ones count as 0."""
    if isinstance(value, timedelta):
        seconds = value.total_seconds()
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        seconds = float(value)
    else:
        raise TypeError(f"a duration is a timedelta or a number of seconds, not {type(value).__name__}")
    if not math.isfinite(seconds):
        raise ValueError(f"a duration must be finite, not {seconds!r}")
    return max(0.0, seconds)


def duration_ms(value: object) -> int:
    """Whole milliseconds, rounded up: a sleep is never early."""
    return math.ceil(duration_seconds(value) * 1000)


def in_utc(when: object) -> datetime:
    """A datetime in UTC; a naive one is UTC already."""
    if not isinstance(when, datetime):
        raise TypeError(f"sleep_until needs a datetime, not {type(when).__name__}")
    return when.replace(tzinfo=timezone.utc) if when.tzinfo is None else when.astimezone(timezone.utc)
