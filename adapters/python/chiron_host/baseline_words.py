"""The words of the baseline protocol: reading a message, answering a discovery, saying what went wrong, ending the process."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NoReturn, cast

from .discovery import Discoverer, Discovery
from .failures import format_error
from .json_values import encode_plain
from .snapshot import Snapshot


class InvalidInput(Exception):
    """A line that is no message: the process ends with it."""


class Output:
    """Writes whole lines, one after the other; a reader that has gone away ends the process."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def send(self, text: str) -> None:
        """Write one line, waiting until it is taken."""
        rest = memoryview((text + "\n").encode("utf-8", "backslashreplace"))
        try:
            while rest:
                rest = rest[os.write(self._fd, rest) :]
        except OSError:
            os._exit(0)

    def error(self, message: str, error: BaseException | None = None) -> None:
        """A host.error."""
        trace = "" if error is None else format_error(error)
        self.send(encode_plain({"type": "host.error", "message": message, "traceback": trace}))


def end(status: int) -> NoReturn:
    """End the process: what was printed goes out, no code of the workflow runs any more."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):
            stream.flush()
    os._exit(status)


def parse(text: str) -> dict[str, Any] | InvalidInput:
    """A message, or why it is none."""
    try:
        message: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        return InvalidInput(str(error))
    if not isinstance(message, dict):
        return InvalidInput(f"a message is a JSON object, not {type(message).__name__}")
    return cast("dict[str, Any]", message)


def reject(output: Output, message: dict[str, Any]) -> None:
    """A message of a kind that means nothing here."""
    if message.get("type") == "ctx.response":
        output.error(f"unknown request_id {message.get('request_id')!r}")
    else:
        output.error(f"unknown message type {message.get('type')!r}")


def discover() -> Discovery:
    """What the folders of WORKFLOW_DIRS declare."""
    dirs = os.environ.get("WORKFLOW_DIRS") or os.path.join(os.getcwd(), "workflows")
    return Discoverer(dirs.split(":"), allowed_names(), Snapshot()).run()


def allowed_names() -> Callable[[str], bool]:
    """The test of WORKFLOW_ENABLE_MODE; ValueError for a mode that does not exist."""
    mode = os.environ.get("WORKFLOW_ENABLE_MODE", "").strip().lower()
    if mode in ("", "all"):
        return lambda _: True
    if mode != "allowlist":
        raise ValueError(f"WORKFLOW_ENABLE_MODE must be all or allowlist, not {mode!r}")
    names = frozenset(re.split(r"[,\s]+", os.environ.get("WORKFLOW_ALLOWED_NAMES", "").strip()))
    return lambda name: name in names


def answer_discovery(output: Output) -> bool:
    """Send the discovery; False when there was none to send."""
    try:
        found = discover()
    except Exception as error:
        output.error(f"discovery failed: {error}", error)
        return False
    workflows: list[dict[str, Any]] = []
    for workflow in found.workflows.values():
        name, path, schedule = workflow.name, workflow.path, workflow.schedule
        if isinstance(schedule, list):
            several = cast("list[dict[str, Any]]", schedule)
            schedule = several[0] if len(several) == 1 else None
        webhooks = [{"workflow_name": name, "source_path": path, "spec": spec} for spec in workflow.webhooks]
        known = {"workflow_name": name, "source_path": path, "webhooks": webhooks, "schedule": schedule}
        workflows.append({**known, "principal": workflow.principal})
    problems = [problem.as_json() for problem in found.problems]
    for problem in found.problems:
        tag = {"import": "workflow_load_error", "exit": "workflow_load_error", "name_mismatch": "workflow_name_mismatch"}
        note = f"{tag.get(problem.kind, 'workflow_problem')} path={problem.path} line={problem.line} error={problem.message}\n"
        os.write(2, note.encode("utf-8", "backslashreplace"))
    output.send(encode_plain({"type": "workflow.discovery", "workflows": workflows, "problems": problems}))
    return True
