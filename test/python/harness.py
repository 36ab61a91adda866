"""Drives the real workflow-host as a subprocess, in both protocols. Every wait has a deadline; every process and folder is gone afterwards.

CHIRON_TEST_FLAGS holds interpreter flags for the host (as "-E -S"); warnings are errors in it.
"""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
import unittest
from typing import Any

HOST = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", "..", "adapters", "python", "workflow-host"))
NONCE = "0123456789abcdef"
DEADLINE_S = 20.0
COMMAND = [sys.executable, "-W", "error", *os.environ.get("CHIRON_TEST_FLAGS", "").split(), HOST]


def environment(**more: str) -> dict[str, str]:
    """An environment in which nothing of the developer's own settings shows."""
    dropped = ("PYTHONDONTWRITEBYTECODE", "PYTHONPATH", "DATABASE_URL", "WORKFLOW_ENABLE_MODE", "WORKFLOW_DIRS")
    return {name: value for name, value in os.environ.items() if name not in dropped} | more


class Lines:
    """Lines from a descriptor, with a deadline."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._buffer = b""

    def next(self, seconds: float = DEADLINE_S) -> str | None:
        """The next line, or None at the end."""
        until = time.monotonic() + seconds
        while b"\n" not in self._buffer:
            left = until - time.monotonic()
            if left <= 0 or not select.select([self._fd], [], [], left)[0]:
                raise AssertionError(f"no line within {seconds} s")
            chunk = os.read(self._fd, 1 << 20)
            if not chunk:
                return None
            self._buffer += chunk
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line.decode()


class Frame(dict[str, Any]):
    """A frame's header, with its texts."""

    texts: list[str]

    @property
    def value(self) -> Any:
        return json.loads(self.texts[0])


class Folder(unittest.TestCase):
    """A test with a folder `workflows` of its own."""

    def setUp(self) -> None:
        self.base = os.path.realpath(tempfile.mkdtemp(prefix="chiron-python-"))
        self.addCleanup(shutil.rmtree, self.base)
        self.dir = os.path.join(self.base, "workflows")
        os.mkdir(self.dir)

    def write(self, name: str, text: str | bytes) -> str:
        """Write a file below the folder (or anywhere, for an absolute path); its path."""
        path = os.path.join(self.dir, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as stream:
            stream.write(text if isinstance(text, bytes) else textwrap.dedent(text).encode())
        return path

    def workflow(self, body: str, name: str = "w", head: str = "") -> str:
        """A workflow file whose async handler has this body."""
        handler = "async def handler(inp, ctx):\n" + textwrap.indent(textwrap.dedent(body).strip("\n"), "    ")
        text = f'WORKFLOW_NAME = "{name}"\nimport asyncio, os, sys, time\n{textwrap.dedent(head)}\n{handler}\n'
        return self.write(f"{name}.py", text)

    def host(self, **options: Any) -> Extended:
        """A host in the extended protocol, on this folder."""
        env = environment(**options.pop("env", {}))
        own_group = bool(options.pop("own_group", False))
        host = Extended({"dirs": [self.dir], **options}, env, own_group)
        self.addCleanup(host.close)
        return host

    def baseline(self, text: str | bytes, **env: str) -> Ended:
        """A host in the baseline protocol that gets this input and its end."""
        data = text if isinstance(text, bytes) else text.encode()
        variables = environment(WORKFLOW_DIRS=self.dir, **env)
        done = subprocess.run(COMMAND, input=data, capture_output=True, timeout=DEADLINE_S, env=variables, check=False)
        return Ended(done.returncode, done.stdout.decode(), done.stderr.decode())

    def baseline_process(self, **env: str) -> Baseline:
        """A host in the baseline protocol to talk to."""
        host = Baseline(environment(WORKFLOW_DIRS=self.dir, **env))
        self.addCleanup(host.close)
        return host


class Ended:
    """What a finished host left."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err
        self.messages: list[dict[str, Any]] = [json.loads(line) for line in out.splitlines()]


class _Process:
    def __init__(self, env: dict[str, str], own_group: bool = False) -> None:
        pipe, null = subprocess.PIPE, subprocess.DEVNULL
        self.process = subprocess.Popen(
            COMMAND, stdin=pipe, stdout=pipe, stderr=null, env=env, bufsize=0, start_new_session=own_group
        )
        assert self.process.stdin and self.process.stdout
        self.input = self.process.stdin
        self.lines = Lines(self.process.stdout.fileno())

    def close(self) -> None:
        """End the process, whatever it does."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None and not stream.closed:
                stream.close()

    def write(self, text: str) -> None:
        rest = text.encode()
        while rest:
            rest = rest[self.input.write(rest) or 0 :]

    def ended(self, seconds: float = DEADLINE_S) -> int:
        """The exit status."""
        return self.process.wait(seconds)


class Baseline(_Process):
    """A baseline host."""

    def send(self, **message: Any) -> None:
        self.write(json.dumps(message) + "\n")

    def start(self, name: str = "w", value: Any = None) -> None:
        self.send(type="workflow.start", run_id="run", task_id="task", workflow_name=name, input=value)

    def next(self) -> dict[str, Any]:
        line = self.lines.next()
        assert line is not None, "the host ended"
        return json.loads(line)

    def answer(self, request: dict[str, Any], value: Any) -> None:
        self.send(type="ctx.response", request_id=request["request_id"], ok=True, value=value)


class Extended(_Process):
    """An extended host; frames that `until` passes over are kept in `seen`."""

    def __init__(self, options: dict[str, Any], env: dict[str, str], own_group: bool = False) -> None:
        super().__init__(env, own_group)
        self.seen: list[Frame] = []
        hello = {"type": "chiron.hello", "protocol": 1, "nonce": NONCE, "allow": None, "walk_all": False}
        limits = {"snapshot": None, "log_limit_bytes": 1 << 20, "capture_line_limit": 8192}
        self.write(json.dumps({**hello, **limits, **options}) + "\n")
        self.ready = self.next()
        assert self.ready["t"] == "ready", self.ready

    def send(self, *texts: str, **header: Any) -> None:
        self.write(NONCE + "\t".join((json.dumps(header), *texts)) + "\n")

    def next(self, seconds: float = DEADLINE_S) -> Frame:
        frame = self._any(seconds)
        # Told before each import, whenever that comes; only tests of it want it.
        while frame["t"] == "importing":
            frame = self._any(seconds)
        return frame

    def _any(self, seconds: float) -> Frame:
        line = self.lines.next(seconds)
        assert line is not None, "the host ended"
        assert line.startswith(NONCE), line
        head, *texts = line[len(NONCE) :].split("\t")
        frame = Frame(json.loads(head))
        frame.texts = texts
        return frame

    def until(self, kind: str, seconds: float = DEADLINE_S, **fields: Any) -> Frame:
        """The next frame of a kind (and with these fields)."""
        while True:
            frame = self.next(seconds)
            if frame["t"] == kind and all(frame.get(name) == value for name, value in fields.items()):
                return frame
            assert frame["t"] not in ("result", "error", "host_error") or "r" in fields, (dict(frame), frame.texts)
            self.seen.append(frame)

    def discover(self) -> Any:
        self.send(t="discover")
        return self.until("discovery").value

    stubs: dict[str, Any] | None = None
    """What stands in during attempts that are started from now on."""

    def start(self, r: int = 1, name: str = "w", value: Any = None, recorded: Any = ()) -> None:
        """Start an attempt; recorded: (name, kind, value) triples."""
        names, kinds = [item[0] for item in recorded], [item[1] for item in recorded]
        values = [json.dumps(item[2]) for item in recorded]
        ids = {"r": r, "run_id": "run-1", "task_id": "task-1", "workflow_name": name, "attempt": 1}
        stubs = {} if self.stubs is None else {"stubs": self.stubs}
        self.send(json.dumps(value), *values, t="start", **ids, names=names, kinds=kinds, **stubs)

    def run(self, value: Any = None, name: str = "w", recorded: Any = (), answers: dict[str, Any] | None = None) -> Frame:
        """Run to the end, committing every step; answers: call type -> value. The last frame (result or error)."""
        self.start(1, name, value, recorded)
        known = answers or {}
        while True:
            frame = self.next()
            self.seen.append(frame)
            if frame["t"] == "put":
                self.send(t="ok", r=frame["r"], q=frame["q"])
            elif frame["t"] == "call":
                self.send(json.dumps(known.get(frame["type"])), t="ok", r=frame["r"], q=frame["q"])
            elif frame["t"] in ("result", "error"):
                return frame
            assert frame["t"] not in ("suspend", "host_error"), dict(frame)

    def kinds(self, kind: str) -> list[Frame]:
        """The frames of a kind that were seen."""
        return [frame for frame in self.seen if frame["t"] == kind]

    def messages(self, **fields: Any) -> list[str]:
        """The messages of the log lines seen."""
        logs = self.kinds("log")
        return [log["message"] for log in logs if all(log.get(name) == value for name, value in fields.items())]
