"""How many transfers there were and how long they took, over a range of time, at a cost that does not grow with it."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from enum import StrEnum
from typing import Final

from cachetools import TTLCache, cachedmethod

from hub.application.ports import Activity
from hub.application.queries import Queries
from pix.runtime.clock import SchemeClock, monotonic_ms
from pix.scheme.days import DAY_MS, HOUR_MS
from pix.scheme.values import value_object

STEPS: Final = 60
SEEN_PER_STEP_MAX: Final = 2_000
"""Of a step with more transfers the newest tell for all of it."""
TTL_MS: Final = 2_000


class Range(StrEnum):
    MINUTES = "5m"
    HOUR = "1h"
    DAY = "24h"


RANGES_MS: Final = {Range.MINUTES: 5 * 60_000, Range.HOUR: HOUR_MS, Range.DAY: DAY_MS}


@value_object
class Bar:
    """A step of the range."""

    from_ms: int
    completed: int
    failed: int
    open: int
    is_estimate: bool
    """Whether the counts follow from the newest `SEEN_PER_STEP_MAX` alone."""
    p50_ms: int | None
    p99_ms: int | None

    @property
    def transfers(self) -> int:
        return self.completed + self.failed + self.open


@value_object
class ActivityNow:
    range: Range
    from_ms: int
    step_ms: int
    bars: Sequence[Bar]
    """One for each step, oldest first, empty ones too."""


class ReadActivity:
    """Reads it, once per range and time to live. Thread-safe. Raises DatabaseUnavailable."""

    def __init__(self, queries: Queries, scheme_clock: SchemeClock) -> None:
        self._queries = queries
        self._scheme_clock = scheme_clock
        self._cache: TTLCache[Range, ActivityNow, int] = TTLCache(len(Range), TTL_MS, monotonic_ms)
        self._condition = threading.Condition()

    @cachedmethod(lambda self: self._cache, condition=lambda self: self._condition, key=lambda _self, range_: range_)
    def __call__(self, range_: Range) -> ActivityNow:
        now_ms = self._scheme_clock.now_ms()
        step_ms = RANGES_MS[range_] // STEPS
        until_ms = now_ms - now_ms % step_ms + step_ms
        from_ms = until_ms - STEPS * step_ms
        found = self._queries.read(lambda unit: unit.transfers.activity(from_ms, until_ms, step_ms, SEEN_PER_STEP_MAX))
        by_start = {each.from_ms: each for each in found}
        starts = range(from_ms, until_ms, step_ms)
        return ActivityNow(
            range_, from_ms, step_ms, [_bar(start_ms, by_start.get(start_ms), step_ms, now_ms) for start_ms in starts]
        )


def _bar(start_ms: int, seen: Activity | None, step_ms: int, now_ms: int) -> Bar:
    if seen is None:
        return Bar(start_ms, 0, 0, 0, False, None, None)
    is_estimate = seen.seen >= SEEN_PER_STEP_MAX
    scale = 1.0
    if is_estimate:
        end_ms = min(start_ms + step_ms, now_ms + 1)
        scale = max(1.0, (end_ms - start_ms) / max(1, end_ms - seen.oldest_ms))
    return Bar(
        start_ms,
        round(seen.completed * scale),
        round(seen.failed * scale),
        round((seen.seen - seen.completed - seen.failed) * scale),
        is_estimate,
        seen.p50_ms,
        seen.p99_ms,
    )
