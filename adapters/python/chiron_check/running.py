"""Rules on what a handler does when it runs: effects, changing values, blocking calls, step names, the database."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from .effects import BLOCKING, CHANGING_VALUES, effect_of
from .findings import Finding
from .flow import Call, calls_of
from .source import Source, positional

NAMED_WAITS = frozenset({"ctx.step", "ctx.sleep", "ctx.sleep_until", "ctx.wait_for_event"})
# What is only shown to people may differ from replay to replay.
SHOWN_ONLY = frozenset({"ctx.log", "ctx.metric", "print"})


def running_findings(source: Source, database: bool, asyncpg: bool) -> Iterator[Finding]:
    """Findings in everything the handler can reach. `database`: DATABASE_URL is set; `asyncpg`: it can be imported."""
    handler = source.functions.get("handler")
    if handler is None:
        return
    calls = calls_of(source, handler)
    shown = {id(part) for call in calls if call.target in SHOWN_ONLY for part in ast.walk(call.node)}
    awaits = isinstance(handler, ast.AsyncFunctionDef)
    for call in calls:
        if not call.stepped:
            yield from _unstepped(source, call)
            if CHANGING_VALUES.match(call.target) and id(call.node) not in shown:
                yield _changing(source, call)
        if awaits and not call.threaded and BLOCKING.match(call.target):
            yield _blocking(source, call)
        if call.target in NAMED_WAITS and call.looped:
            yield from _repeated_name(source, call)
    names = {"ctx", "context", *(parameter.arg for parameter in positional(handler)[1:2])}
    yield from _pool(source, names, database, asyncpg)


def _unstepped(source: Source, call: Call) -> Iterator[Finding]:
    effect = effect_of(call)
    if effect is None:
        return
    written = _written(call)
    if effect == "agent":
        yield source.finding(
            call.node, "unstepped-effect", "info",
            f"{written} runs outside a step: a replay asks again, under the same key",
            f'To keep the result itself, write: await ctx.step("turn", lambda: {written}(...))',
        )
        return
    severity = "error" if effect == "write" else "warning"
    verb = {"write": "may change something outside", "read": "asks another system", "file": "changes files"}[effect]
    yield source.finding(
        call.node, "unstepped-effect", severity,
        f"{written} {verb} and is not behind a step: a retry or a wake-up does it again",
        f'Write: await ctx.step("{_step_name(call.target)}", lambda: {written}(...))',
    )


def _changing(source: Source, call: Call) -> Finding:
    written = _written(call)
    return source.finding(
        call.node, "nondeterminism", "warning",
        f"{written} gives another value on every replay, so the handler may take another way than it took before",
        f'Record it once: value = await ctx.step("{_step_name(call.target)}", lambda: {written}(...)); '
        "a time is best stored as text (.isoformat())",
    )


def _blocking(source: Source, call: Call) -> Finding:
    if call.target == "time.sleep":
        fix = 'Wait with await ctx.sleep("pause", seconds), which needs no process, or inside a step with await asyncio.sleep(seconds).'
    else:
        fix = f"Use an async client, or await asyncio.to_thread({_written(call)}, ...) inside the step."
    severity = "warning" if call.target == "time.sleep" and not call.stepped else "info"
    message = f"{_written(call)} blocks the event loop: other runs of the process wait meanwhile"
    return source.finding(call.node, "blocking-call", severity, message, fix)


def _repeated_name(source: Source, call: Call) -> Iterator[Finding]:
    name = call.node.args[0] if call.node.args else None
    if isinstance(name, ast.Constant) and isinstance(name.value, str):
        yield source.finding(
            name, "step-name-reuse", "info",
            f'the name "{name.value}" is used in a loop: its records are "{name.value}", "{name.value}#2", "{name.value}#3", in order',
            f'If the order may change between replays, name the item: f"{name.value}:{{item_id}}".',
        )


def _pool(source: Source, contexts: set[str], database: bool, asyncpg: bool) -> Iterator[Finding]:
    if database and asyncpg:
        return
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.Attribute) or node.attr != "_pool":
            continue
        if isinstance(node.value, ast.Name) and node.value.id in contexts:
            lacking = "DATABASE_URL is not set" if not database else "asyncpg is not installed in this interpreter"
            fix = "Set DATABASE_URL for the runtime" if not database else "Install asyncpg in the workflows' environment"
            yield source.finding(
                node, "pool-without-database", "warning",
                f"{node.value.id}._pool is None here, because {lacking}",
                f"{fix}, or prefer an explicit tool call for new workflows.",
            )


def _written(call: Call) -> str:
    """The callee as the file writes it, shortened."""
    text = ast.unparse(call.node.func)
    return text if len(text) <= 60 else text[:57] + "..."


def _step_name(target: str) -> str:
    words = [word for word in target.replace("()", "").split(".") if word not in ("ctx", "_pool", "acquire", "tools")]
    return "_".join(words[-2:]).lower() or "effect"
