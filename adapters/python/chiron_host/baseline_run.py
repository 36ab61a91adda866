"""One attempt in the baseline protocol: two requests a new step, a wait is a request whose answer may never come.

When the input ends, requests that are open can no longer be answered: the process ends without running any more of the handler's
code. A handler that asks nothing runs to its result.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Callable
from typing import Any

from .answers import Answer, Reply
from .attempt import attempt
from .baseline_words import InvalidInput, Output, answer_discovery, discover, end, parse, reject
from .current import Body, current_body
from .descriptors import Descriptors
from .failures import tell
from .guard import current_run, task_factory
from .json_values import decode, encode, encode_plain, encode_result, quote
from .local_tools import call_local
from .policy import execute
from .reader import LineSplitter, attach
from .session import Resolved, Wait
from .snapshot import Snapshot
from .tool_files import ToolFile
from .tool_program import PROGRAM, call_program


class BaselineHost:
    """Implements session.Session, and guard.Guarded for its one run."""

    def __init__(self, descriptors: Descriptors, output: Output, start: dict[str, Any]) -> None:
        self.run_id = str(start.get("run_id") or "")
        self.task_id = str(start.get("task_id") or "")
        self.workflow_name = str(start.get("workflow_name") or "")
        self.frozen = False
        self.activity = 0
        self.tasks: set[asyncio.Task[Any]] = set()
        self._fd = descriptors.input
        self._output = output
        self._input = start.get("input")
        self._loop = asyncio.new_event_loop()
        self._requests = 0
        self._pending: dict[str, asyncio.Future[Answer | None]] = {}
        self._ended = False
        self._warned: set[str] = set()
        self._tools: dict[str, ToolFile] = {}

    def serve(self, behind: bytes, ended: bool) -> None:
        """Run the handler to its last line; does not return."""
        asyncio.set_event_loop(self._loop)
        self._loop.set_task_factory(task_factory)
        current_run.set(self)
        self._loop.create_task(self._attempt())
        splitter = LineSplitter()

        def feed(chunk: bytes) -> None:
            for line in splitter.feed(chunk):
                self._line(line)

        def over() -> None:
            last = splitter.rest()
            if last:
                self._line(last)
            self._end()

        if behind:
            self._loop.call_soon(feed, behind)
        if ended:
            self._loop.call_soon(over)
        else:
            self._loop.call_soon(attach, self._loop, self._fd, feed, over)
        while True:
            try:
                self._loop.run_forever()
            except (SystemExit, KeyboardInterrupt) as error:
                self._output.error("code outside any task tried to end the process", error)

    def _line(self, line: str) -> None:
        message = parse(line)
        if isinstance(message, InvalidInput):
            self._output.error(f"invalid workflow host input: {message}")
            end(1)
            return
        kind = message.get("type")
        future = self._pending.get(str(message.get("request_id"))) if kind == "ctx.response" else None
        if future is not None:
            if not future.done():
                ok = message.get("ok") is True
                text = encode_plain(message.get("value")) if ok else str(message.get("error"))
                future.set_result(Answer(ok, text))
        elif kind in ("workflow.discover", "discover"):
            if answer_discovery(self._output):
                end(0)
        elif kind == "workflow.start":
            text = "workflow host already has an active workflow"
            self._output.send(encode_plain({"type": "workflow.error", "message": text}))
        else:
            reject(self._output, message)

    def _end(self) -> None:
        self._ended = True
        if any(not future.done() for future in self._pending.values()):
            self._unanswerable()

    def _unanswerable(self) -> None:
        message = "the input ended while the workflow waited for an answer"
        self._output.send(encode_plain({"type": "workflow.error", "message": message}))
        end(0)

    async def _attempt(self) -> None:
        try:
            found = discover()
            self._tools = found.tools
            workflow = found.workflows.get(self.workflow_name)
            if workflow is None:
                raise RuntimeError(found.unknown(self.workflow_name))
            result = await attempt(workflow, self, self._input, Snapshot(), lambda _: None)
            ids = {"workflow_run_id": self.run_id, "run_id": self.run_id, "workflow_task_id": self.task_id}
            names = {**ids, "task_id": self.task_id, "workflow_name": self.workflow_name}
            text = encode_result(result, "the handler's result")
            self._output.send('{"type":"workflow.result",' + encode_plain(names)[1:-1] + f',"result":{text}}}')
        except BaseException as error:
            told = tell(error)
            message = told.message or told.name
            line = {"type": "workflow.error", "message": message, "traceback": told.traceback}
            self._output.send(encode_plain(line))
        end(0)

    def ask(self, type: str, kind: str, fields: dict[str, Any]) -> Reply:
        """See session.Session."""
        return self._request(type, encode(fields, type)[0])

    async def tool(self, tool: str, method: str, args: dict[str, Any]) -> Any:
        """See session.Session. A baseline engine knows nothing of local tools, and leaves the program to the host."""
        local = self._tools.get(tool)
        if local is not None and (method in local.methods or local.problem is not None):
            return decode(await call_local(local, method, args))
        program = shutil.which(PROGRAM)
        if program is not None:
            return await call_program(program, tool, method, args)
        return await self.ask("ctx.call_tool", "tool", {"tool": tool, "method": method, "args": args})

    def _request(self, type: str, fields: str) -> Reply:
        self._requests += 1
        number = str(self._requests)
        future: asyncio.Future[Answer | None] = self._loop.create_future()
        self._pending[number] = future
        future.add_done_callback(lambda _: self._pending.pop(number, None))
        rest = fields[1:-1]
        self._output.send(f'{{"type":{quote(type)},"request_id":"{number}"' + (f",{rest}}}" if rest else "}"))
        if self._ended:
            self._unanswerable()
        return Reply(future)

    async def step(
        self, name: str, body: Callable[[], Any], retry: object, timeout: object, step_kind: str | None, position: Any
    ) -> Any:
        """See session.Session."""
        kind = {} if step_kind is None else {"step_kind": step_kind}
        found = await self.ask("ctx.step.get", "step", {"step": name, **kind})
        if found.get("done"):
            return found.get("value")
        checkpoint = str(found.get("checkpoint_name") or name)
        token = current_body.set(Body(checkpoint, current_body.get()))
        try:
            value = await execute(body, name, retry, timeout)
        finally:
            current_body.reset(token)
        text, difference = encode(value, f"step {name!r}")
        if difference is not None and name not in self._warned:
            self._warned.add(name)
            self.log("warn", f"step {name!r}: {difference} on replay", None, "chiron")
        head = encode_plain({"checkpoint_name": checkpoint, **kind})
        await self._request("ctx.step.put", f'{head[:-1]},"value":{text}}}')
        return value

    async def wait(self, name: str, wait: Wait) -> Resolved:
        """See session.Session."""
        fields = {key: value for key, value in wait.request.items() if key != "type"}
        value = await self.ask(wait.request["type"], "wait", {"step": name, **fields})
        return Resolved(wait.kind, value)

    async def message_updated(self, channel: str, ts: str) -> None:
        """See session.Session. What a clicked message shows is the other engine's."""

    def log(self, level: str, message: str, fields: dict[str, Any] | None, source: str = "log") -> None:
        """See session.Session. The host's own remarks go to stderr."""
        if source == "log":
            self._output.send(encode_plain({"type": "ctx.log", "message": message, "fields": fields or {}}))
        else:
            os.write(2, f"[{level}] {message}\n".encode("utf-8", "backslashreplace"))

    def metric(self, kind: str, name: str, value: float, labels: dict[str, Any]) -> None:
        """See session.Session."""
        line = {"type": "ctx.metric", "kind": kind, "name": name, "value": value, "labels": labels}
        self._output.send(encode_plain(line))
