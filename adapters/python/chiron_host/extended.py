"""The extended protocol: many attempts in one process, one line each way per new step. Serves until its input ends."""

from __future__ import annotations

import asyncio
import contextvars
import json
import os
import platform
import signal
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from .answers import Answer
from .current import current_owner
from .database import has_asyncpg
from .descriptors import Descriptors
from .discovery import Discoverer, Discovery
from .ending import end_orphaned
from .failures import format_error
from .guard import current_run, task_factory
from .host_output import HostOutput
from .json_values import decode, encode_plain
from .outcome import error_frame, result_frame
from .reader import LineSplitter, attach
from .run import Run
from .run_tools import performed_frame
from .snapshot import Snapshot
from .tool_files import ToolFile
from .watchdog import Watchdog
from .writer import Writer


class ExtendedHost:
    """Implements run.Channel."""

    def __init__(self, hello: dict[str, Any], descriptors: Descriptors) -> None:
        self.nonce: str = hello["nonce"]
        self.log_limit_bytes = int(hello.get("log_limit_bytes") or 1 << 20)
        self.capture_line_limit = int(hello.get("capture_line_limit") or 8192)
        self.loop = asyncio.new_event_loop()
        asyncio.set_event_loop(self.loop)
        self.loop.set_task_factory(task_factory)
        self._fd = descriptors.input
        self._writer = Writer(descriptors.output, self.loop)
        self.send = self._writer.send
        self.send_from_anywhere = self._writer.send_from_anywhere
        self._runs: dict[int, Run] = {}
        self._frozen: list[Run] = []
        self._exiting = False
        self._output = HostOutput(
            lambda line: self.send_from_anywhere(self.nonce + line),
            self.log_limit_bytes,
            self.capture_line_limit,
            lambda: list(self._runs.values()),
        )
        snapshot: dict[str, str] = hello.get("snapshot") or {}
        self._snapshot = Snapshot(snapshot.get("manifest"), snapshot.get("blobs"))
        self._stubs_http = False
        recordings: dict[str, str] | None = hello.get("http")
        if recordings:
            self._record_http(recordings)
        allow = hello.get("allow")
        names = None if allow is None else frozenset(allow)
        self._discoverer = Discoverer(
            hello["dirs"],
            lambda name: names is None or name in names,
            self._snapshot,
            bool(hello.get("walk_all")),
            hello.get("tool_dirs"),
        )
        self._discoverer.importing = self._importing
        self._discovery: Discovery | None = None

    def serve(self, pending: bytes) -> None:
        """Answer hello, then work until the input ends; does not return."""
        splitter = LineSplitter()

        def feed(chunk: bytes) -> None:
            for line in splitter.feed(chunk):
                self._line(line)

        self._frame(t="ready", pid=os.getpid(), python=platform.python_version(), asyncpg=has_asyncpg())
        signal.signal(signal.SIGINT, _ignore)
        Watchdog(self.loop, self._fd, self._stalled, self._moving).start()
        if pending:
            self.loop.call_soon(feed, pending)
        self.loop.call_soon(attach, self.loop, self._fd, feed, self._end)
        while True:
            try:
                self.loop.run_forever()
            except (SystemExit, KeyboardInterrupt) as error:
                self._host_error("code outside any task tried to end the process", error)

    def _end(self) -> None:
        self._writer.flush()
        end_orphaned()

    def _line(self, line: str) -> None:
        if not line.startswith(self.nonce):
            if line.strip():
                self._host_error("a line without the nonce was ignored", None)
            return
        texts = line[len(self.nonce) :].split("\t")
        try:
            header: dict[str, Any] = decode(texts[0])
            kind = header["t"]
            if kind == "ok":
                run = self._runs.get(header["r"])
                if run is not None:
                    run.answer(header["q"], Answer(True, texts[1]) if len(texts) > 1 else None)
            else:
                self._dispatch(kind, header, texts[1:])
        except Exception as error:
            self._host_error(f"a frame could not be handled: {error}", error)

    def _dispatch(self, kind: str, header: dict[str, Any], texts: list[str]) -> None:
        if kind == "start":
            try:
                self._start(header, texts)
            except Exception as error:
                # Without an answer the runtime would wait for this run for ever.
                self.send(f"{self.nonce}{error_frame(header['r'], error)}\n")
        elif kind == "discover":
            self._tell_discovery(header)
        elif kind == "tool" and header.get("r") is None:
            self.loop.create_task(self._tool(header, texts))
        elif kind == "ping":
            self._frame(t="pong", at=header.get("at"), frozen=len(self._frozen))
        elif kind == "exit":
            self._exiting = True
            self._exit_when_idle()
        elif header.get("r") in self._runs:
            self._to_run(kind, self._runs[header["r"]], header, texts)
        elif kind not in ("kept", "no", "resolved", "frozen", "drop", "cancel", "tool"):
            self._host_error(f"unknown frame type {kind!r}", None)

    def _to_run(self, kind: str, run: Run, header: dict[str, Any], texts: list[str]) -> None:
        if kind == "kept":
            run.answer(header["q"], Answer(True, texts[0]))
        elif kind == "no":
            message = str(header.get("error"))
            if not run.waits.refused(header["q"], message):
                run.answer(header["q"], Answer(False, message))
        elif kind == "resolved":
            run.waits.resolved(header["q"], header["steps"], header["kinds"], texts)
        elif kind == "tool":
            run.tools.perform(header["q"])
        elif kind in ("frozen", "drop"):
            run.logs.close()
            run.freeze()
            self._frozen.append(run)
            self._forget(run)
        elif kind == "cancel":
            run.cancel()
            for task in list(run.tasks):
                task.cancel()
        else:
            self._host_error(f"unknown frame type {kind!r}", None)

    def _start(self, header: dict[str, Any], texts: list[str]) -> None:
        self._output.restore()
        run = Run(self, header, texts)
        self._runs[run.r] = run
        if run.stubs.http:
            self._stub_http()

        def begin() -> None:
            current_owner.set(run)
            current_run.set(run)
            self.loop.create_task(self._attempt(run))

        contextvars.copy_context().run(begin)

    async def _attempt(self, run: Run) -> None:
        """One attempt to its last frame. When the run is frozen this never comes to an end."""
        try:
            last = await result_frame(run, self._discovered(), self._snapshot)
        except BaseException as error:
            last = error_frame(run.r, error)
        self._finish(run, last)

    def _finish(self, run: Run, last: str) -> None:
        self._output.settle()
        run.logs.close()
        if run.cancelled:
            last = f'{{"t":"ended","r":{run.r}}}'
        self.send(f"{self.nonce}{last}\n")
        current = asyncio.current_task()
        for task in list(run.tasks):
            if task is not current:
                task.cancel()
        self._forget(run)

    def _forget(self, run: Run) -> None:
        self._runs.pop(run.r, None)
        if self._exiting:
            self.loop.call_soon(self._exit_when_idle)

    def _exit_when_idle(self) -> None:
        if self._runs:
            return
        self._writer.flush()
        if self._writer.empty:
            os._exit(0)
        self.loop.call_later(0.01, self._exit_when_idle)

    def _discovered(self, header: Mapping[str, Any] = MappingProxyType({})) -> Discovery:
        if self._discovery is None:
            self._discovery = self._discoverer.run(header.get("prefer"), header.get("skip"))
        return self._discovery

    def _importing(self, path: str | None) -> None:
        self._output.importing(path)
        if path is not None:
            # At once: when the import ends the process, this is how the runtime knows which file it was.
            self._writer.send_now(self.nonce + encode_plain({"t": "importing", "path": path}) + "\n")

    def _tell_discovery(self, header: Mapping[str, Any]) -> None:
        found = self._discovered(header)
        self._output.settle()
        body = {
            "workflows": [workflow.as_json() for workflow in found.workflows.values()],
            "problems": [problem.as_json() for problem in found.problems],
            "files": found.files,
            "tools": [tool.as_json() for tool in found.tools.values()],
        }
        self.send(f'{self.nonce}{{"t":"discovery","ms":{found.ms:.1f}}}\t{json.dumps(body, default=str)}\n')

    def local_tool(self, name: str) -> ToolFile | None:
        """The tool of this name in the folders' tools, as this process loaded it."""
        return self._discovered().tools.get(name)

    async def _tool(self, header: dict[str, Any], texts: list[str]) -> None:
        """A tool called by a person, outside every run."""
        self.send(self.nonce + await performed_frame(self.local_tool(header["tool"]), header, texts[0]) + "\n")

    def _record_http(self, recordings: dict[str, str]) -> None:
        """Only where it is asked for: nothing of it is loaded otherwise."""
        from . import http_player, http_tape

        def keep(entry: dict[str, Any]) -> None:
            self.send_from_anywhere(f'{self.nonce}{{"t":"http"}}\t{encode_plain(entry)}\n')

        http_player.install(http_tape.Tape(recordings["file"], recordings["mode"], keep))

    def _stub_http(self) -> None:
        if not self._stubs_http:
            from . import http_player, stubs

            self._stubs_http = True
            http_player.install(stubs.StubbedHttp())

    def _stalled(self, ms: float, run: object, where: str) -> None:
        r = run.r if isinstance(run, Run) else None
        self._writer.send_now(self.nonce + encode_plain({"t": "stall", "ms": round(ms), "r": r, "where": where}) + "\n")

    def _moving(self, ms: float) -> None:
        self._writer.send_now(self.nonce + encode_plain({"t": "unstall", "ms": round(ms)}) + "\n")

    def _host_error(self, message: str, error: BaseException | None) -> None:
        trace = "" if error is None else format_error(error)
        self._frame(t="host_error", message=message, traceback=trace)

    def _frame(self, **header: Any) -> None:
        self.send(self.nonce + encode_plain(header) + "\n")


def _ignore(signum: int, frame: object) -> None:
    """Ctrl-C reaches the whole group; the runtime decides what becomes of its hosts. A handler, unlike SIG_IGN, is not inherited."""
