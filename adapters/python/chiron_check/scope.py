"""Which name stands for what: the part of the walk that knows scopes, assignments and loops, and nothing of what calls mean.

A value is a dotted name (`httpx.AsyncClient()`), a function of the file, or nothing that can be told.
"""

from __future__ import annotations

import ast
from collections import ChainMap
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Union

from .source import FunctionNode, Source

# Builtins that call the function they are given, at once.
IMMEDIATE = frozenset({"map", "filter", "sorted", "min", "max"})
BUILTINS = frozenset({"open", "print", "input", "exec", "eval"}) | IMMEDIATE


@dataclass(frozen=True)
class Closure:
    """A function of the module, or a lambda, with the names it sees."""

    node: Union[FunctionNode, ast.Lambda]
    scope: "Scope"


Value = Union[str, Closure, None]
Scope = ChainMap[str, Value]


class ScopeVisitor(ast.NodeVisitor):
    """Visits statements in order and keeps the scope; `looped` while inside a loop."""

    def __init__(self, source: Source) -> None:
        self.looped = False
        self.scope: Scope = ChainMap({name: name for name in BUILTINS})
        self.scope.update(source.aliases)
        for name, function in source.functions.items():
            self.scope[name] = Closure(function, self.scope)
        for name, value in source.assigned.items():
            self.scope[name] = self.value_of(value)

    def value_of(self, node: ast.expr | None) -> Value:
        """What an expression stands for, where that can be told."""
        if isinstance(node, ast.Lambda):
            return Closure(node, self.scope)
        if isinstance(node, ast.Name):
            return self.scope.get(node.id)
        if isinstance(node, ast.Await):
            return self.value_of(node.value)
        if isinstance(node, ast.Attribute):
            base = self.value_of(node.value)
            return f"{base}.{node.attr}" if isinstance(base, str) else None
        if isinstance(node, ast.Call):
            base = self.value_of(node.func)
            if base == "functools.partial" and node.args:
                return self.value_of(node.args[0])
            return f"{base}()" if isinstance(base, str) else None
        return None

    @contextmanager
    def state(self, **changes: object) -> Generator[None, None, None]:
        """Attributes changed for a while."""
        before = {name: getattr(self, name) for name in changes}
        for name, value in changes.items():
            setattr(self, name, value)
        try:
            yield
        finally:
            for name, value in before.items():
                setattr(self, name, value)

    def _define(self, node: FunctionNode) -> None:
        self.scope[node.name] = Closure(node, self.scope)

    visit_FunctionDef = _define
    visit_AsyncFunctionDef = _define

    def visit_Lambda(self, node: ast.Lambda) -> None:
        """A lambda runs where it is called, not where it is written."""

    def visit_Assign(self, node: ast.Assign) -> None:
        """An assignment: the name stands for the value from here on."""
        self.visit(node.value)
        for target in node.targets:
            self._assign(target, node.value)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        """As Assign."""
        if node.value is not None:
            self.visit(node.value)
            self._assign(node.target, node.value)

    def _assign(self, target: ast.expr, value: ast.expr | None) -> None:
        if isinstance(target, ast.Name):
            self.scope[target.id] = self.value_of(value)
        else:
            for name in ast.walk(target):
                if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store):
                    self.scope[name.id] = None

    def _with(self, node: ast.With | ast.AsyncWith) -> None:
        for item in node.items:
            self.visit(item.context_expr)
            if item.optional_vars is not None:
                self._assign(item.optional_vars, item.context_expr)
        for statement in node.body:
            self.visit(statement)

    visit_With = _with
    visit_AsyncWith = _with

    def _loop(self, node: ast.For | ast.AsyncFor) -> None:
        self.visit(node.iter)
        self._assign(node.target, None)
        with self.state(looped=True):
            for statement in node.body:
                self.visit(statement)
        for statement in node.orelse:
            self.visit(statement)

    visit_For = _loop
    visit_AsyncFor = _loop

    def visit_While(self, node: ast.While) -> None:
        """A loop's condition runs as often as its body."""
        with self.state(looped=True):
            self.generic_visit(node)

    def _comprehension(self, node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp) -> None:
        with self.state(scope=self.scope.new_child({}), looped=True):
            for part in node.generators:
                self.visit(part.iter)
                self._assign(part.target, None)
                for condition in part.ifs:
                    self.visit(condition)
            for element in (node.key, node.value) if isinstance(node, ast.DictComp) else (node.elt,):
                self.visit(element)

    visit_ListComp = _comprehension
    visit_SetComp = _comprehension
    visit_DictComp = _comprehension
    visit_GeneratorExp = _comprehension


def parameters_of(node: FunctionNode | ast.Lambda) -> list[str]:
    """The names a function binds when it is called, without * and **."""
    arguments = node.args
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    return [argument.arg for argument in every]
