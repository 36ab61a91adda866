"""ctx._pool: an asyncpg pool for the length of one attempt, or None where there is no database to reach."""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import os
from collections.abc import Callable
from typing import Any

_PAUSES = (0.25, 0.5, 1.0, 2.0)
"""Between five tries."""


def has_asyncpg() -> bool:
    """Whether asyncpg can be imported here."""
    try:
        return importlib.util.find_spec("asyncpg") is not None
    except (ImportError, ValueError):
        return False


def why_no_pool() -> str | None:
    """Why ctx._pool is None, or None when there will be one."""
    if not os.environ.get("DATABASE_URL"):
        return "DATABASE_URL is not set"
    if not has_asyncpg():
        return "the package asyncpg is not installed for this interpreter"
    return None


async def open_pool(warn: Callable[[str], None], *, expected: bool) -> Any:
    """The pool, after up to five tries; the last failure is raised. None where there can be none.

    Every attempt has a pool of its own, so it begins with one connection instead of asyncpg's ten, and where the workflow is not
    `expected` to use it with none: a server takes a hundred from everybody. It grows to asyncpg's ten when they are used."""
    if why_no_pool() is not None:
        return None
    try:
        asyncpg: Any = importlib.import_module("asyncpg")
    except ImportError as error:
        warn(f"ctx._pool is None: asyncpg cannot be imported: {error}")
        return None
    dsn = os.environ["DATABASE_URL"]
    for number, pause in enumerate((*_PAUSES, None), start=1):
        try:
            return await asyncpg.create_pool(dsn, min_size=1 if expected else 0)
        except Exception as error:
            warn(f"no connection to DATABASE_URL (try {number} of {len(_PAUSES) + 1}): {type(error).__name__}: {error}")
            if pause is None:
                raise
        await asyncio.sleep(pause)
    return None
