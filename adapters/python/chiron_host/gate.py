"""Looks at a file's text before it is imported: does it declare a workflow, and under which name?"""

from __future__ import annotations

import ast
import importlib.util
import os
import warnings
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from .problems import Problem
from .snapshot import Snapshot

_UNWALKED = frozenset({"node_modules", "__pycache__", "venv"})
"""With hidden folders: they hold installed packages and caches, never a workflow of the project."""

_DECLARATIONS = {"WEBHOOKS": "webhook", "SCHEDULE": "schedule"}


class Candidate(NamedTuple):
    """A file that declares a workflow."""

    path: str
    name: str
    line: int
    lines: Mapping[str, int]
    """Where WEBHOOKS ("webhook") and SCHEDULE ("schedule") begin."""


def workflow_files(root: str, snapshot: Snapshot, walk_all: bool) -> list[str]:
    """Every file below a root that may be a workflow, in path order. The manifest decides where it names anything."""
    named = snapshot.below(root)
    found = _walk(root, walk_all) if named is None else (path for path in named if walk_all or not _skipped(root, path))
    return sorted(path for path in found if _may_be_workflow(os.path.basename(path)))


def _may_be_workflow(name: str) -> bool:
    return name.endswith(".py") and not name.startswith("_")


def _walk(root: str, walk_all: bool) -> Iterator[str]:
    for folder, subfolders, files in os.walk(root):
        if not walk_all:
            subfolders[:] = [name for name in subfolders if not _unwalked(os.path.join(folder, name))]
        for name in files:
            yield os.path.join(folder, name)


def _unwalked(folder: str) -> bool:
    name = os.path.basename(folder)
    if name.startswith("."):
        return True
    return name in _UNWALKED and (name != "venv" or os.path.exists(os.path.join(folder, "pyvenv.cfg")))


def _skipped(root: str, path: str) -> bool:
    folder = os.path.dirname(path)
    while len(folder) > len(root):
        if _unwalked(folder):
            return True
        folder = os.path.dirname(folder)
    return False


def look(path: str, snapshot: Snapshot) -> Candidate | Problem | None:
    """The workflow a file declares, what is wrong with the declaration, or None for any other file."""
    try:
        source = snapshot.read(path)
    except OSError as error:
        return Problem(path, None, "unreadable", f"the file cannot be read: {error.strerror or error}")
    if b"WORKFLOW_NAME" not in source:
        return None
    try:
        text = importlib.util.decode_source(source)
    except UnicodeDecodeError as error:
        line = source[: error.start].count(b"\n") + 1
        return Problem(path, line, "encoding", f"the file is not valid {error.encoding}: {error.reason}")
    except (SyntaxError, LookupError) as error:
        return Problem(path, 1, "encoding", f"the file's encoding is unknown: {error}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text, path)
    except SyntaxError as error:
        return Problem(path, error.lineno, "syntax", error.msg or "invalid syntax")
    except (ValueError, RecursionError, MemoryError) as error:
        return Problem(path, None, "syntax", str(error) or type(error).__name__)
    return _declared(path, tree)


def _declared(path: str, tree: ast.Module) -> Candidate | Problem | None:
    """The last top-level assignment wins, plain or annotated."""
    value: ast.expr | None = None
    lines: dict[str, int] = {}
    for statement in tree.body:
        if isinstance(statement, ast.Assign):
            targets = statement.targets
        elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
            targets = [statement.target]
        else:
            continue
        for target in targets:
            if not isinstance(target, ast.Name):
                continue
            if target.id == "WORKFLOW_NAME":
                value = statement.value
            elif kind := _DECLARATIONS.get(target.id):
                lines[kind] = statement.lineno
    if value is None:
        return None
    if isinstance(value, ast.Constant) and isinstance(value.value, str) and value.value.strip():
        return Candidate(path, value.value, value.lineno, lines)
    what = "is empty" if isinstance(value, ast.Constant) and value.value == "" else "must be a string literal"
    return Problem(path, value.lineno, "computed_name", f"WORKFLOW_NAME {what}: it is read before the file is imported")
