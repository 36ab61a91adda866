"""The small part of the reference's SDK that workflow files use, where the real package is not installed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Sequence
from contextvars import ContextVar, Token
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = [
    "Table",
    "ToolContext",
    "current_thread_key",
    "get_tool_context",
    "render_text_table",
    "reset_tool_context",
    "save_attachment",
    "save_attachment_from_path",
    "secret",
    "set_tool_context",
]


def secret(name: str, default: str | None = None) -> str:
    """A secret from the environment, else the default, else the empty text."""
    return os.environ.get(name) or default or ""


@dataclass
class ToolContext:
    """On whose behalf a tool is called."""

    thread_key: str | None = None
    metadata: dict[str, Any] = field(default_factory=dict[str, Any])


_context: ContextVar[ToolContext | None] = ContextVar("centaur_tool_context", default=None)


def get_tool_context() -> ToolContext | None:
    """The context that was set, if any."""
    return _context.get()


def set_tool_context(context: ToolContext | None) -> Token[ToolContext | None]:
    """Set the context; reset_tool_context takes the token."""
    return _context.set(context)


def reset_tool_context(token: Token[ToolContext | None]) -> None:
    """Undo set_tool_context."""
    _context.reset(token)


def current_thread_key() -> str | None:
    """The thread of the context that was set."""
    context = _context.get()
    return None if context is None else context.thread_key


@dataclass
class Table:
    """Rows under headings."""

    headers: Sequence[str]
    rows: Sequence[Sequence[Any]] = ()

    def render(self) -> str:
        """As aligned text."""
        return render_text_table(self.headers, self.rows)


def render_text_table(headers: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Columns aligned with spaces."""
    lines = [[str(cell) for cell in row] for row in (headers, *rows)]
    widths = [max((len(line[i]) for line in lines if i < len(line)), default=0) for i in range(len(headers))]
    lines.insert(1, ["-" * width for width in widths])
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in lines)


def _attachments() -> Path:
    folder = Path(os.environ.get("CENTAUR_ATTACHMENTS_DIR") or "attachments")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def save_attachment(name: str, content: bytes | str) -> str:
    """Store content beside the process; the path."""
    path = _attachments() / Path(name).name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return str(path)


def save_attachment_from_path(path: str, name: str | None = None) -> str:
    """Store a copy of a file; the new path."""
    target = _attachments() / Path(name or path).name
    shutil.copyfile(path, target)
    return str(target)
