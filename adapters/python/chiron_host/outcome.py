"""The last frame of an attempt: its result or its error, without the nonce and the newline."""

from __future__ import annotations

from .attempt import attempt
from .database import why_no_pool
from .discovery import Discovery
from .failures import tell
from .json_values import decode, encode_plain, encode_result, quote
from .run import Run
from .slack_feedback import ClickFeedback
from .snapshot import Snapshot
from .watched import NoPool


async def result_frame(run: Run, found: Discovery, snapshot: Snapshot) -> str:
    """Run the handler; whatever it raises comes out of here."""
    workflow = found.workflows.get(run.workflow_name)
    if workflow is None:
        raise RuntimeError(found.unknown(run.workflow_name))
    value = decode(run.input_text)
    run.feedback = ClickFeedback(run, value)
    stand_in = None if run.watch is None or run.watch.live or why_no_pool() is not None else NoPool()
    result = await run.feedback.around(
        lambda: attempt(workflow, run, value, snapshot, lambda pool: setattr(run, "pool", pool), stand_in)
    )
    text = encode_result(result, "the handler's result")
    return f'{{"t":"result","r":{run.r}}}\t{text}'


def error_frame(r: int, error: BaseException) -> str:
    """What the handler raised."""
    told = tell(error)
    header = {"t": "error", "r": r, "name": told.name, "message": told.message, "retryable": told.retryable}
    return f"{encode_plain(header)}\t{quote(told.traceback)}"
