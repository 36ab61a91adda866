"""How the process ends when nobody is left to talk to."""

from __future__ import annotations

import os
import signal
from typing import NoReturn


def end_orphaned() -> NoReturn:
    """End at once, and with it every process that workflow code started in this group: nothing outlives the runtime."""
    if os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(0)
