"""SCHEDULE and WEBHOOKS as data. What they mean is decided elsewhere, by the reader that serves them too.

A declaration written as literals (names of top-level literals included) is handed on as a value; any other is only known at discovery.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from typing import Any, cast

from .findings import Finding, place
from .source import Source

SHORTHANDS = {"CRON": '"type": "cron", "cron"', "INTERVAL": '"type": "interval", "interval_seconds"'}


class NotLiteral(Exception):
    """The expression must be run to be known."""


class NotData(Exception):
    """The value is known and is not plain data."""


def declarations(source: Source) -> tuple[list[dict[str, Any]], list[Finding]]:
    """The literal declarations of a workflow file, and findings on the others."""
    found: list[dict[str, Any]] = []
    findings: list[Finding] = list(_shorthands(source))
    schedule = source.assigned.get("SCHEDULE")
    webhooks = source.assigned.get("WEBHOOKS")
    parts: list[tuple[str, ast.expr]] = [] if schedule is None else [("schedule", schedule)]
    if isinstance(webhooks, ast.List | ast.Tuple):
        parts += [("webhook", item) for item in webhooks.elts]
    elif webhooks is not None:
        parts.append(("webhook", webhooks))
    for kind, node in parts:
        try:
            value = _plain(_evaluate(node, source))
        except NotLiteral:
            findings.append(
                source.finding(
                    node, kind, "info", f"{_name(kind)} is not a literal: it is checked at discovery",
                    "Write it as a literal to have it checked here.",
                )
            )
        except NotData as error:
            findings.append(
                source.finding(node, kind, "error", f"{_name(kind)} {error}", "Use strings, numbers, booleans, lists and dicts only.")
            )
        else:
            if value is None:
                continue
            items = cast("list[Any]", value) if kind == "webhook" and isinstance(value, list) else [value]
            line, column = place(node)
            found += [
                {"kind": kind, "path": source.path, "line": line, "column": column, "workflow_name": source.workflow_name or "", "value": item}
                for item in items
            ]
    return found, findings


def _name(kind: str) -> str:
    return "SCHEDULE" if kind == "schedule" else "an entry of WEBHOOKS"


def _shorthands(source: Source) -> Iterator[Finding]:
    if "SCHEDULE" in source.assigned:
        return
    for name, spelling in SHORTHANDS.items():
        node = source.assigned.get(name)
        if node is not None:
            yield source.finding(
                node, "schedule", "warning", f"{name} is a shorthand of the first version and is not read any more",
                f'Write: SCHEDULE = {{{spelling}: {ast.unparse(node)}, "timezone": "UTC"}}',
            )


class _Names(ast.NodeTransformer):
    """Puts top-level literals in place of their names."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.open: list[str] = []

    def visit_Name(self, node: ast.Name) -> ast.expr:
        """A name that stands for a literal becomes it; a circle of names stays as it is."""
        value = self.source.assigned.get(node.id)
        if value is None or node.id in self.open or len(self.open) > 20:
            return node
        self.open.append(node.id)
        try:
            return self.visit(_copy(value))
        finally:
            self.open.pop()


def _copy(node: ast.expr) -> ast.expr:
    return ast.parse(ast.unparse(node), mode="eval").body


def _evaluate(node: ast.expr, source: Source) -> Any:
    try:
        return ast.literal_eval(_Names(source).visit(_copy(node)))
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError) as error:
        raise NotLiteral from error


def _plain(value: Any) -> Any:
    """The value as JSON would hold it; tuples are lists."""
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise NotData(f"holds what JSON cannot: {error}") from error
    return _lists(value)


def _lists(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_lists(item) for item in cast("list[Any]", value)]
    if isinstance(value, dict):
        fields = cast("dict[Any, Any]", value)
        for key in fields:
            if not isinstance(key, str):
                raise NotData(f"has a key that is not a string: {key!r}")
        return {key: _lists(item) for key, item in fields.items()}
    return value
