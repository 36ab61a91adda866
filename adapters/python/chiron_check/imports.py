"""Rules on imports: the supported surface, relative imports, packages the chosen interpreter lacks.

Nothing is imported: packages are looked up with `find_spec` of their top-level name, which runs no code of theirs.
"""

from __future__ import annotations

import ast
import difflib
import importlib.util
import os
import re
import sys
from collections.abc import Iterator
from functools import cache

from .findings import Finding
from .source import Source
from .surface import GUIDE_MODULE, PACKAGES, PROVIDED, is_runtime_module

AGENT_WORDS = re.compile(r"agent|session|sandbox|turn|harness|persona|execution|assignment", re.IGNORECASE)
SESSION_URL = re.compile(r"/api/sessions?(?:/|\b)|/agent/(?:execute|spawn|message|interrupt)|/api/agents?(?:/|\b)")
SESSION_VARIABLE = re.compile(r"^CENTAUR_(?:API|SESSION|CONTROL_PLANE)_(?:URL|KEY)$")


def import_findings(source: Source, roots: list[str]) -> Iterator[Finding]:
    """Findings in the imports of a file, whether it is a workflow or a helper."""
    for node, guarded in _imports(source.tree.body):
        if isinstance(node, ast.ImportFrom):
            if node.level > 0:
                yield from _relative(source, node)
            elif node.module and is_runtime_module(node.module):
                yield from _from_runtime(source, node, node.module)
            elif node.module:
                yield from _package(source, node, node.module, roots, guarded)
            continue
        for alias in node.names:
            if is_runtime_module(alias.name):
                yield from _runtime_module(source, node, alias.name)
            else:
                yield from _package(source, node, alias.name, roots, guarded)


def control_plane_findings(source: Source) -> Iterator[Finding]:
    """Agent work done behind the context's back."""
    documentation = {id(node.value) for node in ast.walk(source.tree) if isinstance(node, ast.Expr)}
    fix = 'Use: result = await ctx.agent_turn("...", thread_key=f"workflow:{ctx.run_id}:agent", harness="codex")'
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.Constant) or not isinstance(node.value, str) or id(node) in documentation:
            continue
        if SESSION_URL.search(node.value):
            yield source.finding(
                node, "agent-control-plane", "error", f'"{_short(node.value)}" is the agent control plane, called directly', fix
            )
        elif SESSION_VARIABLE.match(node.value):
            yield source.finding(
                node, "agent-control-plane", "warning",
                f"{node.value} points at the control plane of the existing system, which workflows need no longer reach", fix,
            )


def _imports(body: list[ast.stmt], guarded: bool = False) -> Iterator[tuple[ast.Import | ast.ImportFrom, bool]]:
    """Imports that run, with whether an `except` catches their failure; those for type checkers alone are left out."""
    for node in body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node, guarded
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            yield from _imports(node.orelse, guarded)
            continue
        caught = guarded or (isinstance(node, ast.Try) and any(_catches_import(handler) for handler in node.handlers))
        yield from _imports(getattr(node, "body", []), caught)
        for block in ("orelse", "finalbody"):
            yield from _imports(getattr(node, block, []), guarded)
        for part in [*getattr(node, "handlers", []), *getattr(node, "cases", [])]:
            yield from _imports(part.body, guarded)


def _catches_import(handler: ast.ExceptHandler) -> bool:
    names = "ImportError" if handler.type is None else ast.unparse(handler.type)
    return any(word in names for word in ("ImportError", "ModuleNotFoundError", "Exception"))


def _relative(source: Source, node: ast.ImportFrom) -> Iterator[Finding]:
    # A helper is imported as part of its package, where relative imports work.
    if not source.is_workflow:
        return
    below = os.path.relpath(os.path.dirname(source.path), os.path.dirname(source.root)).split(os.sep)
    package = below[: len(below) - node.level + 1]
    if package and not package[0].isidentifier():
        package = package[1:]  # The folder itself is on the import path too.
    module = ".".join([*package, *([node.module] if node.module else [])])
    names = ", ".join(alias.name for alias in node.names)
    yield source.finding(
        node, "relative-import", "error",
        "a workflow file is loaded without a package, so a relative import fails",
        f"Write: from {module} import {names}",
    )


def _runtime_module(source: Source, node: ast.AST, module: str) -> Iterator[Finding]:
    if module == GUIDE_MODULE or module in PACKAGES:
        return
    if module in PROVIDED:
        yield source.finding(
            node, "import-surface", "info",
            f"{module} is provided by Chiron; it is not in the guide's surface",
            "For files that must run elsewhere too, move what it is used for into the workflow file or a shared module.",
        )
        return
    near = difflib.get_close_matches(module, PROVIDED, 1)
    hint = f" Did you mean {near[0]}?" if near else ""
    yield source.finding(
        node, "import-surface", "error",
        f"{module} was internal to the Python API service and does not exist here.{hint}",
        f"Import only WorkflowContext from {GUIDE_MODULE}; move the helper into the workflow file or a shared module.",
    )


def _from_runtime(source: Source, node: ast.ImportFrom, module: str) -> Iterator[Finding]:
    if module not in PROVIDED and module not in PACKAGES:
        agent = [alias.name for alias in node.names if AGENT_WORDS.search(alias.name)]
        if agent:
            yield source.finding(
                node, "agent-control-plane", "error", f"{', '.join(agent)} from {module} is an old control-plane helper",
                "Use await ctx.agent_turn(...) instead.",
            )
    if module not in PACKAGES:
        yield from _runtime_module(source, node, module)
    for alias in node.names:
        if module in PACKAGES:
            yield from _runtime_module(source, node, f"{module}.{alias.name}")
            continue
        names = PROVIDED.get(module)
        if names is None or alias.name in names or alias.name == "*":
            continue
        yield from _unknown_name(source, node, module, alias.name, names)


def _unknown_name(source: Source, node: ast.AST, module: str, name: str, names: frozenset[str]) -> Iterator[Finding]:
    near = difflib.get_close_matches(name, names, 1)
    rule = "agent-control-plane" if AGENT_WORDS.search(name) and not near else "import-surface"
    fix = f"Write: from {module} import {near[0]}" if near else "Move the helper into the workflow file or a shared module."
    if rule == "agent-control-plane":
        fix = "Use await ctx.agent_turn(...) instead."
    yield source.finding(node, rule, "error", f"{module} has no {name} here", fix)


def _package(source: Source, node: ast.AST, module: str, roots: list[str], guarded: bool) -> Iterator[Finding]:
    top = module.split(".")[0]
    if top in sys.stdlib_module_names:
        return
    local = [folder for root in roots for folder in (root, os.path.dirname(root)) if _is_module(folder, top)]
    if any(_is_module(folder, *module.split(".")) for folder in local) or installed(top):
        return
    severity = "info" if guarded else "error" if source.is_workflow else "warning"
    if local:
        message = f"no module {module} below {local[0]}"
        fix = f"Create {os.path.join(local[0], *module.split('.'))}.py or correct the name."
    else:
        message = f"{top} is not installed in {sys.executable}"
        fix = f"Install it: {sys.executable} -m pip install {_DISTRIBUTIONS.get(top, top)}"
    yield source.finding(node, "missing-package", severity, message, fix)


_DISTRIBUTIONS = {"slack_sdk": "slack-sdk", "yaml": "PyYAML", "bs4": "beautifulsoup4", "dateutil": "python-dateutil", "PIL": "Pillow"}


def _is_module(folder: str, *parts: str) -> bool:
    path = os.path.join(folder, *parts)
    return os.path.isdir(path) or os.path.isfile(path + ".py")


@cache
def installed(package: str) -> bool:
    """Whether the interpreter finds a top-level package, without importing it."""
    try:
        return importlib.util.find_spec(package) is not None
    except (ImportError, ValueError, AttributeError):
        return False


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "..."
