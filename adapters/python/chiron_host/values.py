"""Small value types that workflow files import: what a message is delivered to, and what a click was."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Delivery:
    """Where a run's answer goes."""

    channel: str | None = None
    thread_ts: str | None = None
    mode: str | None = None
    metadata: dict[str, Any] = field(default_factory=dict[str, Any])


@dataclass
class ButtonClick:
    """Who clicked which button of which message."""

    id: str = ""
    action: str = ""
    user_id: str = ""
    team_id: str = ""
    channel_id: str = ""
    message_ts: str = ""
    action_ts: str = ""
