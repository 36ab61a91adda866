"""What a rule reports: one place in one file, what is wrong there, and what to write instead."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from typing import Any, Literal

Severity = Literal["error", "warning", "info"]

_IGNORE = re.compile(r"#\s*chiron:\s*ignore(?:\[([a-z\-,\s]+)\])?")


@dataclass(frozen=True)
class Finding:
    """One finding; lines and columns count from 1."""

    path: str
    line: int
    column: int
    rule: str
    severity: Severity
    message: str
    fix: str
    workflow_name: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """The finding as plain data, without an unknown workflow name."""
        data: dict[str, Any] = {
            "path": self.path,
            "line": self.line,
            "column": self.column,
            "rule": self.rule,
            "severity": self.severity,
            "message": self.message,
            "fix": self.fix,
        }
        if self.workflow_name is not None:
            data["workflow_name"] = self.workflow_name
        return data


def place(node: ast.AST) -> tuple[int, int]:
    """Line and column of a node, counted from 1."""
    return getattr(node, "lineno", 1), getattr(node, "col_offset", 0) + 1


def ignored_at(lines: list[str], line: int, rule: str) -> bool:
    """Whether a line says `# chiron: ignore` or `# chiron: ignore[rule]`."""
    if not 1 <= line <= len(lines):
        return False
    comment = _IGNORE.search(lines[line - 1])
    if comment is None:
        return False
    rules = comment.group(1)
    return rules is None or rule in [name.strip() for name in rules.split(",")]
