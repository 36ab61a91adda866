"""The rule workflow-name: a served file has one constant name of its own and a handler that takes (inp, ctx)."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from .findings import Finding
from .source import FunctionNode, Source, assignments, positional

RULE = "workflow-name"
HANDLER = "async def handler(inp: Input, ctx: WorkflowContext) -> dict:"


def naming_findings(source: Source, taken: dict[str, str]) -> Iterator[Finding]:
    """Findings in the name and the handler of one file. `taken` maps names to the file that has them, and is filled."""
    if not source.is_workflow:
        return
    yield from _name(source)
    name = source.workflow_name
    if name is not None:
        first = taken.setdefault(name, source.path)
        if first != source.path:
            yield source.finding(
                source.assigned["WORKFLOW_NAME"], RULE, "error",
                f'the name "{name}" is taken by {first}, which keeps it',
                "Give this file a WORKFLOW_NAME of its own.",
            )
    yield from _handler(source)


def _name(source: Source) -> Iterator[Finding]:
    value = source.assigned.get("WORKFLOW_NAME")
    if value is None:
        nested = [node for node in ast.walk(source.tree) if any(name == "WORKFLOW_NAME" for name, _ in assignments(node))]
        place: ast.AST = nested[0] if nested else source.functions.get("handler", source.tree)
        message = "WORKFLOW_NAME is not assigned at the top level" if nested else "the file has a handler but no WORKFLOW_NAME"
        stem = source.path.replace("\\", "/").rsplit("/", 1)[-1].removesuffix(".py")
        yield source.finding(place, RULE, "error", message, f'Add at the top level: WORKFLOW_NAME = "{stem}"')
    elif not isinstance(value, ast.Constant) or not isinstance(value.value, str):
        yield source.finding(
            value, RULE, "error",
            f"WORKFLOW_NAME is computed ({_short(ast.unparse(value))}): discovery reads it without running the file",
            'Write the name as one string: WORKFLOW_NAME = "my_workflow"',
        )
    elif not value.value.strip():
        yield source.finding(value, RULE, "error", "WORKFLOW_NAME is empty", 'Write: WORKFLOW_NAME = "my_workflow"')


def _handler(source: Source) -> Iterator[Finding]:
    handler = source.functions.get("handler")
    if handler is not None:
        yield from _signature(source, handler)
        return
    if "handler" in source.bound:
        return
    place = source.assigned.get("WORKFLOW_NAME", source.tree)
    if "PROMPT" in source.assigned:
        fix = f"Add: {HANDLER} return await ctx.agent_turn(PROMPT)"
        yield source.finding(place, RULE, "error", "files with only a PROMPT are not served any more: there is no handler", fix)
        return
    yield source.finding(place, RULE, "error", "the file has no handler", f"Add: {HANDLER}")


def _signature(source: Source, handler: FunctionNode) -> Iterator[Finding]:
    if handler.decorator_list:
        return  # A decorator may change the signature.
    arguments = handler.args
    parameters = positional(handler)
    required = len(parameters) - len(arguments.defaults)
    demanded = [name.arg for name, default in zip(arguments.kwonlyargs, arguments.kw_defaults) if default is None]
    if (len(parameters) < 2 and arguments.vararg is None) or required > 2 or demanded:
        shown = ast.unparse(arguments) or "no parameters"
        yield source.finding(
            handler, RULE, "error", f"handler is called with (inp, ctx) but takes ({shown})", f"Write: {HANDLER}"
        )
    if any(isinstance(node, ast.Yield | ast.YieldFrom) for node in _own_nodes(handler)):
        yield source.finding(
            handler, RULE, "error", "handler is a generator (it yields), so it cannot be run to a result",
            "Return one value at the end; collect the parts in a list.",
        )


def _own_nodes(function: FunctionNode) -> Iterator[ast.AST]:
    waiting: list[ast.AST] = list(function.body)
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            waiting.extend(ast.iter_child_nodes(node))


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "..."
