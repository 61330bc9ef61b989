"""Time as ports: the application asks clocks, so that a simulation and a network's virtual clock can turn them.

Three kinds of time:

- Scheme time (`SchemeClock`) is shown to people, stands in ids and messages, and decides on days, windows and due
  dates. A network that has a virtual clock may move it.
- Real time (`Clock`) decides on waiting: retransmission, time-outs, heartbeats, secrets. What is durable, or comes from
  another process, is a time by a wall clock, which may step back or forward at any moment.
- Monotonic time (`monotonic_ms`, `time.monotonic`) measures ages within a process: no step changes it.

The two ports have methods of different names, so that the type checker refuses one clock in the other's place.
"""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Real time."""

    def real_now_ms(self) -> int:
        """Unix time in milliseconds, UTC."""


class SchemeClock(Protocol):
    """Scheme time."""

    def now_ms(self) -> int:
        """Unix time in milliseconds, UTC."""


def monotonic_ms() -> int:
    """Milliseconds since some moment, for ages within a process: they never go back."""
    return time.monotonic_ns() // 1_000_000


class SystemClock:
    """The machine's clock: real time, and scheme time in a network without a virtual clock."""

    def __init__(self, error_seconds: float = 0.0) -> None:
        """`error_seconds` makes the clock fast (above zero) or slow, as the clock of a badly kept machine is."""
        self._error_ms = round(error_seconds * 1_000)

    def real_now_ms(self) -> int:
        return time.time_ns() // 1_000_000 + self._error_ms

    def now_ms(self) -> int:
        return self.real_now_ms()
