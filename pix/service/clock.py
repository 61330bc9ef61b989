"""Time as a port: the application asks a clock, so that a simulation can turn it."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Where the application gets the time from."""

    def now_ms(self) -> int:
        """Unix time in milliseconds, UTC."""


class SystemClock:
    """The machine's clock."""

    def now_ms(self) -> int:
        """Unix time in milliseconds, UTC."""
        return time.time_ns() // 1_000_000
