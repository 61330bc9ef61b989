"""Time as a port: the application asks a clock, so that a simulation can turn it.

A wall clock may step back or forward at any moment. What is durable, or comes from another process, is a time by it;
an age within a process is measured by `monotonic_ms` (or `time.monotonic`), which no step changes.
"""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Where the application gets the time from."""

    def now_ms(self) -> int:
        """Unix time in milliseconds, UTC."""


def monotonic_ms() -> int:
    """Milliseconds since some moment, for ages within a process: they never go back."""
    return time.monotonic_ns() // 1_000_000


class SystemClock:
    """The machine's clock."""

    def now_ms(self) -> int:
        """Unix time in milliseconds, UTC."""
        return time.time_ns() // 1_000_000
