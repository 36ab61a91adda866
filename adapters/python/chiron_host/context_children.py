"""Child workflows: start_workflow, run_workflow, wait_for_workflow, in the signatures of both generations of the reference."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import Any, cast

from .durations import duration_ms
from .failures import ChildWorkflowError
from .session import Session, Wait


class ChildCalls:
    """The children part of the context."""

    _session: Session
    step: Callable[..., Coroutine[Any, Any, Any]]

    async def start_workflow(
        self,
        name: str,
        input: Any = None,
        *,
        idempotency_key: str | None = None,
        workflow_name: str | None = None,
        run_input: Any = None,
        trigger_key: str | None = None,
        eager_start: bool | None = None,
    ) -> dict[str, Any]:
        """Start a child and go on: {workflow_name, task_id, run_id, created}. With `workflow_name=` the first argument names a step
        that records the start."""
        del eager_start
        if workflow_name is None:
            return await self._start(name, input, idempotency_key or trigger_key)
        target, payload, key = workflow_name, input if run_input is None else run_input, trigger_key or idempotency_key
        return await self.step(name, lambda: self._start(target, payload, key))

    async def run_workflow(self, name: str, input: Any = None, *, timeout: object = None, **kwargs: Any) -> Any:
        """Start a child and wait for its output."""
        return await self.wait_for_workflow(await self.start_workflow(name, input, **kwargs), timeout=timeout)

    async def wait_for_workflow(self, handle: object, *, name: str | None = None, timeout: object = None) -> Any:
        """The output of a started child. ChildWorkflowError when it did not complete, RuntimeError when `timeout` passes first."""
        task_id = _task_id(handle)
        ms = None if timeout is None else duration_ms(timeout)
        request: dict[str, Any] = {"type": "ctx.workflow.wait", "task_id": task_id}
        if ms is not None:
            request["timeout_seconds"] = ms / 1000
        resolved = await self._session.wait(name or f"$wait:{task_id}", Wait("task", task_id, ms, None, request))
        if resolved.kind == "timeout":
            raise RuntimeError(f"timed out waiting for workflow task {task_id}")
        end = cast("dict[str, Any]", resolved.value)
        status = str(end.get("status"))
        if status == "completed":
            return end.get("output")
        failure = end.get("failure")
        reason = f": {failure.get('message')}" if isinstance(failure, dict) else ""  # pyright: ignore
        message = f"child workflow {end.get('workflow_name')} ({task_id}) ended as {status}{reason}"
        raise ChildWorkflowError(message, task_id=task_id, status=status, failure=failure)

    async def _start(self, name: str, input: Any, key: str | None) -> dict[str, Any]:
        if not isinstance(name, str) or not name.strip():  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError("start_workflow needs the name of a workflow")
        fields: dict[str, Any] = {"workflow_name": name, "input": {} if input is None else input}
        if key is not None:
            fields["idempotency_key"] = str(key)
        return await self._session.ask("ctx.workflow.start", "start", fields)


def _task_id(handle: object) -> str:
    if isinstance(handle, Mapping):
        found = cast("Mapping[str, object]", handle).get("task_id")
    else:
        found = handle if isinstance(handle, str) else getattr(handle, "task_id", None)
    if not isinstance(found, str) or not found:
        raise TypeError("wait_for_workflow needs what start_workflow returned, or a task id")
    return found
