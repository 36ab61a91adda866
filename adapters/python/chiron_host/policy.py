"""Retries and time limits of one step body, within an attempt; attempts of the whole run are the runtime's affair."""

from __future__ import annotations

import asyncio
import inspect
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from .durations import duration_seconds
from .failures import NonRetryableError


@dataclass(frozen=True)
class RetryPolicy:
    """`limit` further tries after the first; `delay` before the next in seconds or as timedelta; `backoff` "constant", "linear",
    "exponential" or a factor; `max_delay` caps the delay."""

    limit: int = 3
    delay: float | timedelta = 1.0
    backoff: str | float = "exponential"
    max_delay: float | timedelta | None = None

    def seconds(self, tries: int) -> float:
        """The pause after the n-th failed try; full jitter is taken from the upper half."""
        base = duration_seconds(self.delay)
        if self.backoff == "linear":
            pause = base * tries
        elif self.backoff == "constant":
            pause = base
        else:
            factor = 2.0 if self.backoff == "exponential" else float(self.backoff)
            pause = base * factor ** min(tries - 1, 60)
        if self.max_delay is not None:
            pause = min(pause, duration_seconds(self.max_delay))
        return pause if self.backoff == "constant" else pause * random.uniform(0.5, 1.0)


def policy_of(retry: object) -> RetryPolicy | None:
    """A policy from what a step was given: None, a number of retries, a dict, a RetryPolicy or any object with its fields."""
    if retry is None or isinstance(retry, RetryPolicy):
        policy = retry
    elif isinstance(retry, bool):
        policy = RetryPolicy() if retry else None
    elif isinstance(retry, int):
        policy = RetryPolicy(limit=retry)
    elif isinstance(retry, Mapping):
        policy = RetryPolicy(**{str(key): value for key, value in retry.items()})  # pyright: ignore
    elif hasattr(retry, "limit"):
        names = [name for name in RetryPolicy.__dataclass_fields__ if hasattr(retry, name)]
        policy = RetryPolicy(**{name: getattr(retry, name) for name in names})
    else:
        raise TypeError(f"retry must be a RetryPolicy, a dict or a number, not {type(retry).__name__}")
    if policy is not None and policy.backoff not in ("constant", "linear", "exponential"):
        float(policy.backoff)
    return policy


async def execute(fn: Callable[[], Any], name: str, retry: object, timeout: object) -> Any:
    """Run a body to its value under a policy and a time limit. A NonRetryableError is never tried again."""
    policy = policy_of(retry)
    limit = None if timeout is None else duration_seconds(timeout)
    tries = 0
    while True:
        tries += 1
        try:
            return await _once(fn, name, limit)
        except NonRetryableError:
            raise
        except Exception:
            if policy is None or tries > policy.limit:
                raise
            await asyncio.sleep(policy.seconds(tries))


async def _once(fn: Callable[[], Any], name: str, limit: float | None) -> Any:
    value = fn()
    if not inspect.isawaitable(value):
        return value
    if limit is None:
        return await value
    task = asyncio.ensure_future(value)
    try:
        done, _ = await asyncio.wait({task}, timeout=limit)
    except asyncio.CancelledError:
        task.cancel()
        raise
    if done:
        return task.result()
    task.cancel()
    await asyncio.wait({task})
    raise TimeoutError(f"step {name!r} took longer than {limit:g} s")
