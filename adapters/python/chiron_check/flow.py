"""What a handler executes: every call it can reach, with whether a step's body makes it.

Follows lambdas, local functions and functions of the same module, by call and by name, and remembers what variables stand for
(`client = httpx.AsyncClient()`). A call is told by a dotted name: `requests.post`, `ctx.tools.github.issue`,
`httpx.AsyncClient().post`. What it cannot tell it leaves out: a missing finding is better than a wrong one.
"""

from __future__ import annotations

import ast
from collections import ChainMap
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Union

from .source import FunctionNode, Source, positional

# Bounds the work on generated code; far above what a person writes.
MAX_CALLS_FOLLOWED = 2_000
MAX_DEPTH = 30

THREADS = {"asyncio.to_thread": 0, "anyio.to_thread.run_sync": 0}
# Builtins that call the function they are given, at once.
IMMEDIATE = frozenset({"map", "filter", "sorted", "min", "max"})
BUILTINS = frozenset({"open", "print", "input", "exec", "eval"}) | IMMEDIATE


@dataclass(frozen=True)
class Call:
    """One call a handler can reach."""

    node: ast.Call
    target: str
    stepped: bool
    looped: bool
    threaded: bool


@dataclass(frozen=True)
class Closure:
    """A function of the module, or a lambda, with the names it sees."""

    node: Union[FunctionNode, ast.Lambda]
    scope: "Scope"


Value = Union[str, Closure, None]
Scope = ChainMap[str, Value]


class Flow(ast.NodeVisitor):
    """Walks one handler. Use `calls_of`."""

    def __init__(self, source: Source) -> None:
        self.calls: list[Call] = []
        self.stepped = False
        self.looped = False
        self.threaded = False
        self._followed = 0
        self._active: list[tuple[int, bool]] = []
        self._seen: set[tuple[object, ...]] = set()
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

    def enter(self, closure: Closure, arguments: dict[str, Value], stepped: bool | None = None) -> None:
        """Walks a function's body as if it were called here."""
        inside = self.stepped if stepped is None else stepped
        shown = tuple(sorted((name, value if isinstance(value, str) else id(value)) for name, value in arguments.items()))
        key = (id(closure.node), inside, self.looped, self.threaded, shown)
        if key in self._seen or len(self._active) >= MAX_DEPTH or (id(closure.node), inside) in self._active:
            return
        self._followed += 1
        if self._followed > MAX_CALLS_FOLLOWED:
            return
        self._seen.add(key)
        scope = closure.scope.new_child({name: arguments.get(name) for name in _parameters(closure.node)})
        self._active.append((id(closure.node), inside))
        with self._state(scope=scope, stepped=inside):
            body = closure.node.body
            for part in body if isinstance(body, list) else [body]:
                self.visit(part)
        self._active.pop()

    @contextmanager
    def _state(self, **changes: object) -> Iterator[None]:
        before = {name: getattr(self, name) for name in changes}
        for name, value in changes.items():
            setattr(self, name, value)
        try:
            yield
        finally:
            for name, value in before.items():
                setattr(self, name, value)

    def visit_Call(self, node: ast.Call) -> None:
        """A call: followed where it leads into the module, recorded where it leads out."""
        target = self.value_of(node.func)
        if isinstance(target, Closure):
            self._visit_arguments(node)
            self.enter(target, self._bind(target, node))
            return
        if target is None:
            self.visit(node.func)
            self._visit_arguments(node)
            return
        self.calls.append(Call(node, target, self.stepped, self.looped, self.threaded))
        self.visit(node.func)
        if target == "ctx.step":
            self._visit_arguments(node, skip=step_body(node))
            self._run(step_body(node), stepped=True)
        elif target in THREADS or target.endswith(".run_in_executor"):
            index = THREADS.get(target, 1)
            self._visit_arguments(node)
            with self._state(threaded=True):
                self._run(node.args[index] if len(node.args) > index else None)
        else:
            self._visit_arguments(node)
            if target in IMMEDIATE:
                for argument in [*node.args, *(keyword.value for keyword in node.keywords)]:
                    if isinstance(self.value_of(argument), Closure):
                        self._run(argument)

    def _visit_arguments(self, node: ast.Call, skip: ast.expr | None = None) -> None:
        for argument in [*node.args, *(keyword.value for keyword in node.keywords)]:
            if argument is not skip:
                self.visit(argument)

    def _run(self, function: ast.expr | None, stepped: bool | None = None) -> None:
        """A function expression that something else will call."""
        if function is None:
            return
        value = self.value_of(function)
        if isinstance(value, Closure):
            self.enter(value, {}, stepped)
        elif isinstance(value, str) and isinstance(function, ast.Name | ast.Attribute):
            inside = self.stepped if stepped is None else stepped
            call = ast.copy_location(ast.Call(func=function, args=[], keywords=[]), function)
            self.calls.append(Call(call, value, inside, self.looped, self.threaded))
        elif isinstance(function, ast.Call):
            # The value is made here and now; only what it makes would be the step's body.
            self.visit(function)

    def _bind(self, closure: Closure, node: ast.Call) -> dict[str, Value]:
        names = _parameters(closure.node)
        bound = {name: self.value_of(argument) for name, argument in zip(names, node.args)}
        bound.update((keyword.arg, self.value_of(keyword.value)) for keyword in node.keywords if keyword.arg)
        return bound

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
        with self._state(looped=True):
            for statement in node.body:
                self.visit(statement)
        for statement in node.orelse:
            self.visit(statement)

    visit_For = _loop
    visit_AsyncFor = _loop

    def visit_While(self, node: ast.While) -> None:
        """A loop's condition runs as often as its body."""
        with self._state(looped=True):
            self.generic_visit(node)

    def _comprehension(self, node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp) -> None:
        with self._state(scope=self.scope.new_child({}), looped=True):
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


def _parameters(node: FunctionNode | ast.Lambda) -> list[str]:
    arguments = node.args
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    return [argument.arg for argument in every]


def step_body(node: ast.Call) -> ast.expr | None:
    """The function given to a ctx.step call."""
    if len(node.args) > 1:
        return node.args[1]
    return next((keyword.value for keyword in node.keywords if keyword.arg == "fn"), None)


def calls_of(source: Source, handler: FunctionNode) -> list[Call]:
    """Every call the handler can reach, each with where it runs."""
    flow = Flow(source)
    parameters = positional(handler)
    context: dict[str, Value] = {parameters[1].arg: "ctx"} if len(parameters) > 1 else {}
    flow.enter(Closure(handler, flow.scope), context)
    return flow.calls
