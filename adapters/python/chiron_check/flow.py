"""What a handler executes: every call it can reach, with whether a step's body makes it.

Follows lambdas, local functions and functions of the same module, by call and by name, and remembers what variables stand for
(`client = httpx.AsyncClient()`). A call is told by a dotted name: `requests.post`, `ctx.tools.github.issue`,
`httpx.AsyncClient().post`. What it cannot tell it leaves out: a missing finding is better than a wrong one.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass

from .scope import IMMEDIATE, Closure, ScopeVisitor, Value, parameters_of
from .source import FunctionNode, Source, positional

# Bounds the work on generated code; far above what a person writes.
MAX_CALLS_FOLLOWED = 2_000
MAX_DEPTH = 30

# Callables that run their argument of that index in a thread.
THREADS = {"asyncio.to_thread": 0, "anyio.to_thread.run_sync": 0}


@dataclass(frozen=True)
class Call:
    """One call a handler can reach."""

    node: ast.Call
    target: str
    stepped: bool
    looped: bool
    threaded: bool


class Flow(ScopeVisitor):
    """Walks one handler. Use `calls_of`."""

    def __init__(self, source: Source) -> None:
        super().__init__(source)
        self.calls: list[Call] = []
        self.stepped = False
        self.threaded = False
        self._followed = 0
        self._active: list[tuple[int, bool]] = []
        self._seen: set[tuple[object, ...]] = set()

    def enter(self, closure: Closure, arguments: dict[str, Value], stepped: bool | None = None) -> None:
        """Walks a function's body as if it were called here."""
        inside = self.stepped if stepped is None else stepped
        shown = tuple(sorted((name, id(value.node) if isinstance(value, Closure) else value) for name, value in arguments.items()))
        key = (id(closure.node), inside, self.looped, self.threaded, shown)
        if key in self._seen or len(self._active) >= MAX_DEPTH or (id(closure.node), inside) in self._active:
            return
        self._followed += 1
        if self._followed > MAX_CALLS_FOLLOWED:
            return
        self._seen.add(key)
        scope = closure.scope.new_child({name: arguments.get(name) for name in parameters_of(closure.node)})
        self._active.append((id(closure.node), inside))
        with self.state(scope=scope, stepped=inside):
            body = closure.node.body
            for part in body if isinstance(body, list) else [body]:
                self.visit(part)
        self._active.pop()

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
            with self.state(threaded=True):
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
        names = parameters_of(closure.node)
        bound = {name: self.value_of(argument) for name, argument in zip(names, node.args)}
        bound.update((keyword.arg, self.value_of(keyword.value)) for keyword in node.keywords if keyword.arg)
        return bound


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
