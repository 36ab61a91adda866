"""Buttons in Slack messages: their limits and the message's shape. Signing a button's value and acting on a click is the engine's."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .json_values import encode

_MAX_NAME = 200
_MAX_TEXT = 3000
_MAX_BUTTONS = 5
_MAX_LABEL = 75
_MAX_VALUE_BYTES = 2000
_SIGNATURE_BYTES = 47
"""What signing adds to a button's payload: version, dots and an HMAC-SHA256 in base64url."""
_GROUP = "00000000-0000-0000-0000-000000000000"
_ACTION = re.compile(r"[A-Za-z0-9_-]{1,64}")
_STYLES = (None, "primary", "danger")


@dataclass(frozen=True)
class Button:
    """A button: what it says and how it looks."""

    label: str
    style: str | None = None


def message_of(
    task_id: str, name: str, channel: str, text: str, workflow: str, buttons: Mapping[str, Any], input: Any
) -> dict[str, Any]:
    """The arguments of post_to_slack. ValueError when a limit is passed."""
    _check(0 < len(name) <= _MAX_NAME, f"the name has 1 to {_MAX_NAME} characters")
    _check(0 < len(text) <= _MAX_TEXT, f"the text has 1 to {_MAX_TEXT} characters")
    _check(channel[:1] in ("C", "D", "G"), f"the channel must be an id beginning with C, D or G, not {channel!r}")
    _check(bool(workflow.strip()), "a click needs a workflow to start")
    _check(1 <= len(buttons) <= _MAX_BUTTONS, f"there are 1 to {_MAX_BUTTONS} buttons")
    payload = encode({} if input is None else input, "slack_buttons input")[0]
    for action in buttons:
        size = _value_size(task_id, workflow.strip(), str(action), channel, payload)
        _check(size <= _MAX_VALUE_BYTES, f"the input is too large for a button's value ({size} of {_MAX_VALUE_BYTES} bytes)")
    group = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{task_id}:{name}"))
    elements = [_element(action, button) for action, button in buttons.items()]
    blocks: list[dict[str, Any]] = [
        {"type": "section", "text": {"type": "mrkdwn", "text": text}},
        {"type": "actions", "block_id": group, "elements": elements},
    ]
    return {"blocks": blocks, "buttons": {"group": group, "workflow": workflow, "input": {} if input is None else input}}


def _element(action: str, button: Any) -> dict[str, Any]:
    _check(_ACTION.fullmatch(str(action)) is not None, f"the action {action!r} is not [A-Za-z0-9_-]{{1,64}}")
    if isinstance(button, str):
        button = Button(button)
    elif isinstance(button, Mapping):
        button = Button(**button)  # pyright: ignore[reportUnknownArgumentType]
    label, style = str(button.label), button.style
    style = None if style in (None, "", "none") else str(style)
    _check(0 < len(label) <= _MAX_LABEL, f"the label of {action!r} has 1 to {_MAX_LABEL} characters")
    _check(style in _STYLES, f"the style of {action!r} is none, primary or danger, not {style!r}")
    element = {"type": "button", "action_id": str(action), "text": {"type": "plain_text", "text": label}}
    return element if style is None else {**element, "style": style}


def _value_size(task_id: str, workflow: str, action: str, channel: str, payload: str) -> int:
    """Bytes of a button's value, as the runtime will sign it."""
    fields = json.dumps(
        {"g": _GROUP, "t": task_id, "w": workflow, "a": action, "c": channel, "x": 9_999_999_999},
        ensure_ascii=False,
        separators=(",", ":"),
    )
    size = len(fields.encode("utf-8", "replace")) + len(',"i":') + len(payload.encode("utf-8", "replace"))
    return -(-size * 4 // 3) + _SIGNATURE_BYTES


def _check(holds: bool, rule: str) -> None:
    if not holds:
        raise ValueError(f"slack_buttons: {rule}")
