"""A workflow folder's files: which of them discovery would look at, and what one parsed file declares at its top level.

Follows the host's discovery (every `*.py` below a root, sorted, without `__init__.py`, `_name.py` and tool folders), so that a
file is checked exactly when it could be served.
"""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator
from dataclasses import dataclass, field

from .findings import Finding, place

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef

SKIPPED_FOLDERS = frozenset({"node_modules", "__pycache__", "venv", "site-packages"})


@dataclass
class Source:
    """One file that parsed."""

    path: str
    root: str
    lines: list[str]
    tree: ast.Module
    workflow_name: str | None = None
    # Top-level `NAME = value`; the last one wins, as it does at import.
    assigned: dict[str, ast.expr] = field(default_factory=dict[str, ast.expr])
    functions: dict[str, FunctionNode] = field(default_factory=dict[str, FunctionNode])
    # What a name imported anywhere in the file stands for: "requests", "datetime.datetime".
    aliases: dict[str, str] = field(default_factory=dict[str, str])
    # Every other name that exists at the top level: classes, names bound in if and try blocks.
    bound: set[str] = field(default_factory=set[str])

    @property
    def is_workflow(self) -> bool:
        """Whether the file means to be a workflow, well declared or not."""
        if "WORKFLOW_NAME" in self.bound:
            return True
        handler = self.functions.get("handler")
        return handler is not None and len(positional(handler)) == 2

    def finding(self, node: ast.AST, rule: str, severity: str, message: str, fix: str) -> Finding:
        """A finding at a node of this file."""
        line, column = place(node)
        return Finding(self.path, line, column, rule, severity, message, fix, self.workflow_name)  # type: ignore[arg-type]


def positional(function: FunctionNode) -> list[ast.arg]:
    """The parameters that take positional arguments, in order."""
    return [*function.args.posonlyargs, *function.args.args]


def workflow_files(root: str) -> Iterator[str]:
    """The files below `root` that discovery would look at, sorted by path."""
    found: list[str] = []
    for folder, names, files in os.walk(root):
        names[:] = [name for name in names if not name.startswith(".") and name not in SKIPPED_FOLDERS]
        found += [os.path.join(folder, name) for name in files if name.endswith(".py") and not name.startswith("_")]
    return iter(sorted(found))


def read_source(path: str, root: str) -> Source | Finding:
    """Parses a file. A file that does not parse is a finding."""
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError as error:
        return Finding(
            path, 1, 1, "workflow-name", "error", f"the file cannot be read: {error.strerror}", "Make the file readable."
        )
    try:
        tree = ast.parse(data, filename=path)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return _unparsable(path, data, error)
    lines = data.decode("utf-8", "replace").splitlines()
    source = Source(path, root, lines, tree)
    _collect(source)
    name = source.assigned.get("WORKFLOW_NAME")
    if isinstance(name, ast.Constant) and isinstance(name.value, str):
        source.workflow_name = name.value
    return source


def _unparsable(path: str, data: bytes, error: BaseException) -> Finding:
    # A helper nobody imports may be broken without harm; a file that names WORKFLOW_NAME wants to be served.
    severity = "error" if b"WORKFLOW_NAME" in data else "warning"
    line, column = 1, 1
    if isinstance(error, SyntaxError):
        line, column = error.lineno or 1, max(error.offset or 1, 1)
        text = error.msg
    else:
        text = str(error) or type(error).__name__
    if _is_encoding(data, text):
        line = _undecodable_line(data) or line
        return Finding(
            path, line, 1, "workflow-name", severity, f"the file is not readable as text: {text}", "Save the file as UTF-8."
        )
    return Finding(
        path, line, column, "workflow-name", severity, f"syntax error: {text}", "Correct the syntax; the file cannot be loaded."
    )


def _is_encoding(data: bytes, text: str) -> bool:
    return b"\0" in data or any(word in text for word in ("codec", "null bytes", "encoding", "Non-UTF-8", "unicode error"))


def _undecodable_line(data: bytes) -> int | None:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        return data.count(b"\n", 0, error.start) + 1
    return data.count(b"\n", 0, data.index(b"\0")) + 1 if b"\0" in data else None


def _collect(source: Source) -> None:
    for statement in source.tree.body:
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
            source.functions[statement.name] = statement
            source.assigned.pop(statement.name, None)
        for name, value in assignments(statement):
            source.assigned[name] = value
            source.functions.pop(name, None)
    for node in _top_level(source.tree.body):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            source.bound.add(node.name)
        source.bound.update(name for name, _ in assignments(node))
        if isinstance(node, ast.Import | ast.ImportFrom):
            source.bound.update((alias.asname or alias.name).split(".")[0] for alias in node.names)
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                source.aliases[alias.asname or alias.name.split(".")[0]] = alias.name if alias.asname else alias.name.split(".")[0]
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            for alias in node.names:
                source.aliases[alias.asname or alias.name] = f"{node.module}.{alias.name}"


def assignments(statement: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """The plain names a statement assigns, with their values."""
    if isinstance(statement, ast.Assign):
        for target in statement.targets:
            if isinstance(target, ast.Name):
                yield target.id, statement.value
    elif isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name) and statement.value is not None:
        yield statement.target.id, statement.value


def _top_level(body: list[ast.stmt]) -> Iterator[ast.AST]:
    """Statements that run at import, those inside `if`, `try`, `with` and loops included, function bodies not."""
    for statement in body:
        yield statement
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        for block in ("body", "orelse", "finalbody"):
            yield from _top_level(getattr(statement, block, []))
        for handler in getattr(statement, "handlers", []):
            yield from _top_level(handler.body)
