"""The workflow database of a side version of the reference, ctx.db: an asyncpg pool under other names, and migrations by sqlx."""

from __future__ import annotations

import asyncio
import os
import shutil
from typing import Any
from urllib.parse import quote

__all__ = ["MigrationError", "WorkflowDatabase"]


class MigrationError(RuntimeError):
    """A migration could not be applied."""


class WorkflowDatabase:
    """The methods of an asyncpg pool under the names that workflow files use."""

    def __init__(self, pool: Any) -> None:
        self._pool = pool

    def acquire(self, *args: Any, **kwargs: Any) -> Any:
        """A connection, as an async context manager."""
        return self._require().acquire(*args, **kwargs)

    async def execute(self, query: str, *args: Any) -> Any:
        """Run a statement."""
        return await self._require().execute(query, *args)

    async def fetch(self, query: str, *args: Any) -> Any:
        """All rows."""
        return await self._require().fetch(query, *args)

    async def fetchrow(self, query: str, *args: Any) -> Any:
        """The first row."""
        return await self._require().fetchrow(query, *args)

    async def fetchval(self, query: str, *args: Any) -> Any:
        """The first value of the first row."""
        return await self._require().fetchval(query, *args)

    async def migrate(self, directory: str, schema: str | None = None, lock_timeout: float = 60) -> None:
        """Apply the migrations of a folder with the sqlx program, as the reference does."""
        program = shutil.which("sqlx")
        url = os.environ.get("DATABASE_URL")
        if program is None or not url:
            missing = "DATABASE_URL is not set" if program else "the program sqlx is not installed"
            raise MigrationError(f"the migrations of {directory} cannot be applied: {missing}")
        options = f"-c lock_timeout={round(lock_timeout * 1000)}" + (f" -c search_path={schema}" if schema else "")
        child = await asyncio.create_subprocess_exec(
            *(program, "migrate", "run", "--source", os.fspath(directory)),
            env={**os.environ, "DATABASE_URL": _with_options(url, options)},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await child.communicate()
        if child.returncode != 0:
            text = said.decode("utf-8", "replace").strip()[-2000:]
            raise MigrationError(f"the migrations of {directory} failed: {text or f'exit status {child.returncode}'}")

    def _require(self) -> Any:
        if self._pool is None:
            raise RuntimeError("there is no database: set DATABASE_URL and install asyncpg")
        return self._pool


def _with_options(url: str, options: str) -> str:
    """The same address, with settings for its connections."""
    return f"{url}{'&' if '?' in url else '?'}options={quote(options)}"
