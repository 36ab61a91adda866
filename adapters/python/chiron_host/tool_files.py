"""Local tools: the public functions of the files in a folder `tools` beside or inside a workflow folder. A file is a tool, a function a method.

Only files directly in such a folder count, and of those only the ones that define a public function and no workflow: others are not
imported. Nor are programs: files with a #! line, or that call their own functions at the top. One that does not import is reported and keeps its name, so that a call says what is wrong instead of asking somewhere else.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import inspect
import os
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from .problems import Problem, import_problem
from .snapshot import Snapshot, SnapshotLoader


@dataclass(frozen=True)
class ToolMethod:
    """One function."""

    name: str
    function: Callable[..., Any]
    line: int

    def as_json(self) -> dict[str, Any]:
        """The protocol's form."""
        return {
            "name": self.name,
            "line": self.line,
            "signature": signature_of(self.function),
            "description": _first_line(self.function.__doc__),
        }


@dataclass
class ToolFile:
    """One file. `problem` says why it cannot be called, when it cannot."""

    name: str
    path: str
    description: str | None = None
    methods: dict[str, ToolMethod] = field(default_factory=dict[str, ToolMethod])
    problem: str | None = None

    def as_json(self) -> dict[str, Any]:
        """The protocol's form."""
        methods = [method.as_json() for method in self.methods.values()]
        known = {"name": self.name, "path": self.path, "description": self.description, "methods": methods}
        return known | ({} if self.problem is None else {"problem": self.problem})


def tool_dirs(roots: Sequence[str]) -> list[str]:
    """Where tools of these workflow folders may be, in the order in which they win."""
    found: list[str] = []
    for root in roots:
        for folder in (os.path.join(root, "tools"), os.path.join(os.path.dirname(root), "tools")):
            if folder not in found and folder not in roots:
                found.append(folder)
    return found


def load_tools(
    dirs: Sequence[str],
    snapshot: Snapshot,
    skip: Mapping[str, str],
    importing: Callable[[str | None], None],
    problems: list[Problem],
) -> dict[str, ToolFile]:
    """Import the tool files of these folders; what is wrong with one is added to `problems`."""
    tools: dict[str, ToolFile] = {}
    for folder in dirs:
        for path in _files(folder, snapshot):
            tool = _look(path, snapshot, problems)
            if tool is None:
                continue
            taken = tools.get(tool.name)
            if taken is not None:
                problems.append(Problem(path, None, "duplicate_tool", f"the tool {tool.name!r} is {taken.path} already"))
                continue
            tools[tool.name] = tool
            if tool.problem is None:
                _load(tool, snapshot, skip.get(path), importing, problems)
    return tools


def signature_of(function: Callable[..., Any]) -> str:
    """As a person would write the call: (text, limit=10)."""
    try:
        return str(inspect.signature(function))
    except (TypeError, ValueError):
        return "(…)"


def _files(folder: str, snapshot: Snapshot) -> list[str]:
    named = snapshot.below(folder)
    if named is None:
        try:
            named = [os.path.join(folder, name) for name in os.listdir(folder)]
        except OSError:
            return []
    return sorted(path for path in named if os.path.dirname(path) == folder and _may_be_tool(os.path.basename(path)))


def _may_be_tool(name: str) -> bool:
    return name.endswith(".py") and not name.startswith("_") and name.removesuffix(".py").isidentifier()


def _look(path: str, snapshot: Snapshot, problems: list[Problem]) -> ToolFile | None:
    """The tool that a file is, by its text alone; None for any other file."""
    name = os.path.basename(path).removesuffix(".py")
    try:
        source = snapshot.read(path)
        if source.startswith(b"#!"):
            return None
        text = importlib.util.decode_source(source)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text, path)
    except OSError:
        return None
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = error.lineno if isinstance(error, SyntaxError) else None
        message = (error.msg if isinstance(error, SyntaxError) else str(error)) or type(error).__name__
        problems.append(Problem(path, line, "tool", message))
        return ToolFile(name, path, problem=_place(path, line, message))
    defined = {one.name for one in tree.body if isinstance(one, (ast.FunctionDef, ast.AsyncFunctionDef))}
    if _assigns(tree, "WORKFLOW_NAME") or all(one.startswith("_") for one in defined):
        return None
    started = _starts(tree, defined)
    if started is not None:
        message = f"it calls {started.id}() when it is imported: a program, not a tool (or put that under if __name__ == '__main__')"
        problems.append(Problem(path, started.lineno, "tool", message, "warning"))
        return None
    return ToolFile(name, path, _first_line(ast.get_docstring(tree)))


def _starts(tree: ast.Module, defined: set[str]) -> ast.Name | None:
    """What the file calls of its own functions at its top level: then an import does what the program does."""
    for statement in tree.body:
        value = statement.value if isinstance(statement, ast.Expr) else None
        if isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id in defined:
            return value.func
    return None


def _assigns(tree: ast.Module, name: str) -> bool:
    targets: list[ast.expr] = []
    for statement in tree.body:
        if isinstance(statement, ast.Assign):
            targets += statement.targets
        elif isinstance(statement, ast.AnnAssign):
            targets.append(statement.target)
    return any(isinstance(target, ast.Name) and target.id == name for target in targets)


def _load(
    tool: ToolFile,
    snapshot: Snapshot,
    fatal: str | None,
    importing: Callable[[str | None], None],
    problems: list[Problem],
) -> None:
    if fatal is not None:
        problem = Problem(tool.path, None, "exit", f"the process ended while it imported this file: {fatal}")
    else:
        importing(tool.path)
        try:
            _collect(tool, _import(tool.path, snapshot))
            return
        except BaseException as error:
            told = import_problem(tool.path, tool.name, error)
            problem = Problem(told.path, told.line, "tool", told.message, "error", told.traceback)
        finally:
            importing(None)
    problems.append(problem)
    tool.problem = _place(problem.path, problem.line, problem.message)


def _collect(tool: ToolFile, module: ModuleType) -> None:
    """The functions that the file itself defines; `__all__` narrows them down."""
    listed = getattr(module, "__all__", None)
    for name, value in list(vars(module).items()):
        wanted = not name.startswith("_") if listed is None else name in listed
        inner = inspect.unwrap(value) if callable(value) else None
        if wanted and inspect.isroutine(inner) and getattr(inner, "__module__", None) == module.__name__:
            code = getattr(inner, "__code__", None)
            tool.methods[name] = ToolMethod(name, value, getattr(code, "co_firstlineno", 1))


def _import(path: str, snapshot: Snapshot) -> ModuleType:
    """Execute a file under a package of its folder's own, so that it may import what lies beside it."""
    folder, base = os.path.split(path)
    package = f"chiron_tools_{hashlib.sha256(folder.encode('utf-8', 'surrogateescape')).hexdigest()[:12]}"
    if package not in sys.modules:
        parent = ModuleType(package)
        parent.__path__ = [folder]
        sys.modules[package] = parent
    name = f"{package}.{base.removesuffix('.py')}"
    spec = importlib.util.spec_from_file_location(name, path, loader=SnapshotLoader(name, path, snapshot))
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        sys.modules.pop(name, None)
        raise
    return module


def _place(path: str, line: int | None, message: str) -> str:
    return f"{path}{'' if line is None else f':{line}'}: {message}"


def _first_line(text: str | None) -> str | None:
    stripped = (text or "").strip()
    return stripped.splitlines()[0].strip() if stripped else None
