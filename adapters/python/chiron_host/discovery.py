"""Imports the workflow files of the folders and tells what they declare. One bad file never stops another; each is reported.

The files' order is the roots' order, then path order; of two files with one name the preferred one serves, else the first.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from . import import_paths
from .gate import Candidate, look, workflow_files
from .metadata import SHORTHANDS, description_of, principal_of, schedule_of, v1_schedule_of, webhooks_of
from .problems import Problem, import_problem
from .schema import input_schema
from .snapshot import Snapshot, SnapshotLoader, is_foreign
from .tool_files import ToolFile, load_tools, tool_dirs


@dataclass
class Workflow:
    """A loaded workflow."""

    name: str
    path: str
    module: ModuleType
    handler: Callable[..., Any]
    webhooks: list[dict[str, Any]]
    schedule: Any
    principal: bool | str | None
    v1_schedule: dict[str, Any] | None
    lines: Mapping[str, int]

    def as_json(self) -> dict[str, Any]:
        """The extended protocol's form."""
        return {
            "workflow_name": self.name,
            "source_path": self.path,
            "webhooks": self.webhooks,
            "schedule": self.schedule,
            "v1_schedule": self.v1_schedule,
            "lines": dict(self.lines),
            "principal": self.principal,
            "input_schema": input_schema(self.module),
            "description": description_of(self.handler, self.module),
        }


@dataclass
class Discovery:
    """Everything the folders declare now."""

    workflows: dict[str, Workflow] = field(default_factory=dict[str, Workflow])
    problems: list[Problem] = field(default_factory=list[Problem])
    files: dict[str, str] = field(default_factory=dict[str, str])
    tools: dict[str, ToolFile] = field(default_factory=dict[str, ToolFile])
    ms: float = 0.0

    def unknown(self, name: str) -> str:
        """Why a workflow of this name cannot run."""
        for problem in self.problems:
            if problem.workflow_name == name and problem.severity == "error":
                return f"unknown workflow_name {name!r}: {problem.path}: {problem.message}"
        return f"unknown workflow_name {name!r}"


class Discoverer:
    """Discovers once. `importing` is told the path of a file before and None after its import."""

    def __init__(
        self,
        dirs: Sequence[str],
        allows: Callable[[str], bool],
        snapshot: Snapshot,
        walk_all: bool = False,
        tools: Sequence[str] | None = None,
    ) -> None:
        self._roots = import_paths.existing(dirs, snapshot)
        self._tool_dirs = tool_dirs(self._roots) if tools is None else tools
        self._allows = allows
        self._snapshot = snapshot
        self._walk_all = walk_all
        self.importing: Callable[[str | None], None] = lambda _: None

    def run(self, prefer: Mapping[str, str] | None = None, skip: Mapping[str, str] | None = None) -> Discovery:
        """Import everything and answer what there is.

        `prefer` tells which path keeps a name that several files declare; `skip` names files that ended a process, and how.
        """
        started = time.perf_counter()
        found = Discovery()
        import_paths.prepare(self._roots, self._snapshot)
        candidates = self._candidates(found)
        owners: dict[str, str] = {}
        for candidate in candidates:
            first = owners.setdefault(candidate.name, candidate.path)
            if candidate.path != first and candidate.path == (prefer or {}).get(candidate.name):
                owners[candidate.name] = candidate.path
        for candidate in candidates:
            fatal = (skip or {}).get(candidate.path)
            if fatal is None:
                self._load(candidate, owners[candidate.name], found)
            else:
                found.files[candidate.path] = self._snapshot.seen[candidate.path]
                message = f"the process ended while it imported this file: {fatal}"
                found.problems.append(
                    Problem(candidate.path, candidate.line, "exit", message, workflow_name=candidate.name)
                )
        found.tools = load_tools(self._tool_dirs, self._snapshot, skip or {}, self.importing, found.problems)
        found.files = {**self._files(), **found.files}
        found.ms = (time.perf_counter() - started) * 1000
        return found

    def _candidates(self, found: Discovery) -> list[Candidate]:
        """The allowed workflow files in order; nothing is imported yet."""
        candidates: list[Candidate] = []
        seen: set[str] = set()
        for root in self._roots:
            for path in workflow_files(root, self._snapshot, self._walk_all):
                if path in seen:
                    continue
                seen.add(path)
                candidate = look(path, self._snapshot)
                if isinstance(candidate, Problem):
                    found.problems.append(candidate)
                    if path in self._snapshot.seen:
                        found.files[path] = self._snapshot.seen[path]
                elif candidate is not None and self._allows(candidate.name):
                    candidates.append(candidate)
        return candidates

    def _load(self, candidate: Candidate, owner: str, found: Discovery) -> None:
        path, name = candidate.path, candidate.name
        found.files[path] = self._snapshot.seen[path]

        def report(kind: str, message: str, severity: str = "error", line: int | None = candidate.line) -> None:
            line = candidate.lines.get(kind, line)
            found.problems.append(Problem(path, line, kind, message, severity, workflow_name=name))

        if path != owner:
            report("duplicate_name", f"the workflow name {name!r} is already taken by {owner}")
            return
        self.importing(path)
        try:
            module = _import(path, self._snapshot)
        except BaseException as error:
            found.problems.append(import_problem(path, name, error))
            return
        finally:
            self.importing(None)
        actual = getattr(module, "WORKFLOW_NAME", None)
        if actual != name:
            report("name_mismatch", f"WORKFLOW_NAME is {name!r} in the text but {actual!r} after the import")
            return
        for shorthand in SHORTHANDS:
            if hasattr(module, shorthand) and not hasattr(module, "SCHEDULE"):
                message = f"{shorthand} is ignored; declare a SCHEDULE instead, or set project.v1_schedules in chiron.toml"
                report("shorthand", message, "warning", None)
        handler = getattr(module, "handler", None)
        if not callable(handler):
            what = "has no handler" if handler is None else f"has a handler that is a {type(handler).__name__}"
            report("no_handler", f"the file {what}: define `async def handler(inp, ctx)`")
            return
        found.workflows[name] = Workflow(
            name,
            path,
            module,
            handler,
            webhooks_of(getattr(module, "WEBHOOKS", None), report),
            schedule_of(getattr(module, "SCHEDULE", None), name, path, report),
            principal_of(getattr(module, "WORKFLOW_PRINCIPAL", None)),
            None if hasattr(module, "SCHEDULE") else v1_schedule_of(module),
            candidate.lines,
        )

    def _files(self) -> dict[str, str]:
        """Every project file that is loaded now, with the hash of what was loaded."""
        paths: set[str] = set()
        for module in list(sys.modules.values()):
            file = getattr(module, "__file__", None)
            if isinstance(file, str) and os.path.isabs(file) and not is_foreign(file) and module.__name__ != "__main__":
                paths.add(file)
        return {path: digest for path in sorted(paths) if (digest := self._digest(path))}

    def _digest(self, path: str) -> str | None:
        known = self._snapshot.seen.get(path)
        if known is not None:
            return known
        try:
            with open(path, "rb") as stream:
                return hashlib.sha256(stream.read()).hexdigest()
        except OSError:
            return None


def _import(path: str, snapshot: Snapshot) -> ModuleType:
    """Execute a file under a name of its own, without a package: two files of one stem do not meet."""
    stem = os.path.basename(path).removesuffix(".py")
    name = f"chiron_workflow_{stem}_{hashlib.sha256(path.encode('utf-8', 'surrogateescape')).hexdigest()[:12]}"
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
