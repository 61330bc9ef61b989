"""Clocks of tests, which are both ports of `pix.runtime.clock`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time

from pix.runtime.clock import SystemClock
from pix.scheme.days import instant_ms

NOON_MS = 1_795_348_800_000
"""Noon of 2026-11-22, UTC."""


def at_time_ms(day: date, at: time = time.min) -> int:
    """The instant, in Unix milliseconds, of a time of this day in São Paulo."""
    return instant_ms(datetime.combine(day, at))


@dataclass(slots=True)
class TurnedClock:
    """A clock that the test turns."""

    at_ms: int = NOON_MS

    def now_ms(self) -> int:
        return self.at_ms

    def real_now_ms(self) -> int:
        return self.at_ms

    def turn(self, milliseconds: int) -> None:
        self.at_ms += milliseconds


@dataclass(slots=True)
class ShiftedClock:
    """The machine's clock, some milliseconds ahead."""

    ahead_ms: int = 0

    def now_ms(self) -> int:
        return SystemClock().now_ms() + self.ahead_ms

    def real_now_ms(self) -> int:
        return self.now_ms()
