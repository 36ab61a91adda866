"""What keeps a workflow file, or a part of it, from serving."""

from __future__ import annotations

import os
import traceback
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from .failures import format_error
from .snapshot import is_foreign


@dataclass(frozen=True)
class Problem:
    """`path` and `line` are where the mistake is; `source_path` is the workflow file it concerns where that is another one."""

    path: str
    line: int | None
    kind: str
    message: str
    severity: str = "error"
    traceback: str | None = None
    workflow_name: str | None = None
    source_path: str | None = None

    def as_json(self) -> dict[str, Any]:
        """The protocol's form: absent fields stay away, except line."""
        optional = {"traceback": self.traceback, "workflow_name": self.workflow_name, "source_path": self.source_path}
        known = {"path": self.path, "line": self.line, "kind": self.kind, "message": self.message}
        known["severity"] = self.severity
        return known | {name: value for name, value in optional.items() if value is not None}


def import_problem(path: str, name: str, error: BaseException) -> Problem:
    """A failed import, at the deepest place in the project's own code."""
    where, line = _place(path, error)
    kind = "exit" if isinstance(error, SystemExit) else "import"
    if isinstance(error, SystemExit):
        message = f"the file called sys.exit({error.code!r}) while it was imported"
    elif isinstance(error, SyntaxError):
        message = f"SyntaxError: {error.msg}"
    else:
        message = "".join(traceback.format_exception_only(type(error), error)).strip()
    source = None if where == path else path
    return Problem(where, line, kind, message, "error", format_error(error), name, source)


def _place(path: str, error: BaseException) -> tuple[str, int | None]:
    if isinstance(error, SyntaxError) and error.filename and not is_foreign(error.filename):
        return error.filename, error.lineno
    found: tuple[str, int | None] = (path, None)
    trace: TracebackType | None = error.__traceback__
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        if os.path.isabs(file) and not is_foreign(file):
            found = (file, trace.tb_lineno)
        trace = trace.tb_next
    return found
