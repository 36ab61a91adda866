"""The workflow database of a side version of the reference: names to import; connections come from ctx._pool."""

from __future__ import annotations

from typing import Any

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
        """Not offered here: run migrations where the database is deployed."""
        raise MigrationError(f"migrations ({directory}) are not run from workflows here")

    def _require(self) -> Any:
        if self._pool is None:
            raise RuntimeError("there is no database: set DATABASE_URL and install asyncpg")
        return self._pool
