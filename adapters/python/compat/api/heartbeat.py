"""The heartbeat's state as a value. The runtime itself renews the claims of its runs; nothing here has an effect."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

__all__ = ["HeartbeatState"]


@dataclass
class HeartbeatState:
    """When something last showed life."""

    name: str = ""
    last_beat: float = field(default_factory=time.time)

    def beat(self) -> None:
        """Show life."""
        self.last_beat = time.time()
